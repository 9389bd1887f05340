"""Says: the words of a recording of speech."""

from __future__ import annotations

from compa.scenes.attributes.attribute import Attribute


class Says(Attribute):
    """Words that recordings come with."""

    name = "says"
    templates_without_label = ("someone saying {word}", "the word {word}", "a voice that says {word}")


ATTRIBUTE = Says()
