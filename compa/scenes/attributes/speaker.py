"""Speaker: the voice of a recording of speech."""

from __future__ import annotations

from compa.scenes.attributes.attribute import Attribute


class Speaker(Attribute):
    """A name that recordings come with."""

    name = "speaker"
    templates_without_label = ("{word} speaking", "the voice of {word}", "something said by {word}")


ATTRIBUTE = Speaker()
