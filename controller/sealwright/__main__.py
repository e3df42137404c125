"""`python -m sealwright`."""

from sealwright.cli import main

main()
