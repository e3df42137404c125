"""Tells. Stories: what is awaited, in which order. They know sockets (`ports.py`) and no concrete edge."""
