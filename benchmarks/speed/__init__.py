"""Side by side measurements of speed and memory, each a command."""
