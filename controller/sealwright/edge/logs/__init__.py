"""Plug-in room: one file for each version of the log's interface; its `NAMES` are the words of `transparency.version`."""
