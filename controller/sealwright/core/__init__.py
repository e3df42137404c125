"""Decides. Values and rules only: no await, no clock, no environment, no randomness, no file, no log."""
