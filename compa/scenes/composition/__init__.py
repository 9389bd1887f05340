"""Scenes: random plans of sounds, their edits and timelines, and what is true or false of them."""
