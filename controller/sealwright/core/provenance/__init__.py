"""Plug-in room: one file per format, named by the words in its NAMES; a run becomes the bytes that are signed."""
