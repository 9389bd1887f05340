"""Sound scenes whose captions are true by proof."""
