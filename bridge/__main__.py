"""`python -m bridge` is the console script `bridge`."""

from bridge.cli import main

main()
