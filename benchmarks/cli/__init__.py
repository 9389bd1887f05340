"""The commands `compa bench ...`, one module each."""
