"""The command line of `compa bench`."""
