"""Wiring: which concrete edges a story uses. The only place, with `cli`, that reads flags and the environment."""
