"""For every test: properties are judged by what they say, never by the clock of a busy machine."""

from hypothesis import settings

settings.register_profile("sealwright", deadline=None)
settings.load_profile("sealwright")
