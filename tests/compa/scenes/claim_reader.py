"""An independent reader of captions: from words back to a claim, knowing English but not the grammar's templates."""

from __future__ import annotations

import re
from collections.abc import Callable

from compa.scenes.claims import Absent, All, Claim, Count, EventPattern, Has, Louder, Part, Sound, Then, While

OPENINGS = ("this is ", "the sound of ", "a recording of ", "a clip with ", "someone recorded ", "one can hear ")
BEFORE = {
    "loud": ("loudness", "loud"), "strong": ("loudness", "loud"), "powerful": ("loudness", "loud"),
    "quiet": ("loudness", "quiet"), "soft": ("loudness", "quiet"), "faint": ("loudness", "quiet"),
    "high-pitched": ("pitch", "high"), "high": ("pitch", "high"), "low-pitched": ("pitch", "low"),
    "deep": ("pitch", "low"), "fast": ("rate", "fast"), "rapid": ("rate", "fast"), "hurried": ("rate", "fast"),
    "slow": ("rate", "slow"), "slowed-down": ("rate", "slow"), "unhurried": ("rate", "slow"),
    "short": ("duration", "short"), "brief": ("duration", "short"), "long": ("duration", "long"),
    "prolonged": ("duration", "long"), "nearby": ("distance", "near"), "close": ("distance", "near"),
    "distant": ("distance", "far"), "far-away": ("distance", "far"),
}  # fmt: skip
BEHIND = {
    "at high volume": ("loudness", "loud"), "in the foreground": ("loudness", "loud"),
    "at low volume": ("loudness", "quiet"), "in the background": ("loudness", "quiet"),
    "at a high pitch": ("pitch", "high"), "in a high register": ("pitch", "high"),
    "at a low pitch": ("pitch", "low"), "in a low register": ("pitch", "low"),
    "at high speed": ("rate", "fast"), "at low speed": ("rate", "slow"),
    "for a moment": ("duration", "short"), "for a short time": ("duration", "short"),
    "for a while": ("duration", "long"), "for a long time": ("duration", "long"),
    "from close by": ("distance", "near"), "right here": ("distance", "near"),
    "from afar": ("distance", "far"), "in the distance": ("distance", "far"),
}  # fmt: skip
NUMBERS = {"two": 2, "three": 3, "four": 4}
FORWARD = {
    "then", "and then", "followed by", "before", "and afterwards", "and later", "prior to", "ahead of",
    "giving way to", "after which", "and after that", "and next", "after that", "afterwards", "later", "next comes",
}  # fmt: skip
BACKWARD = {
    "after", "preceded by", "following", "subsequent to", "but first", "and beforehand", "and earlier",
    "and previously", "in the wake of", "and before that", "before that", "earlier", "beforehand", "previously",
}  # fmt: skip
TOGETHER = {
    "with", "along with", "together with", "alongside", "accompanied by", "mixed with", "amid", "at the same time as",
    "all the while", "and meanwhile", "and at the same time", "simultaneously", "at the same time", "meanwhile",
    "together with that",
}  # fmt: skip
STARTERS = {"after", "before", "prior to", "at first", "in the end", "while"}
JOINERS = FORWARD | BACKWARD | TOGETHER
FINISHERS = {"while", "and in the end", "and at first"}
AROUND: list[tuple[str, str]] = [
    (r"(@) first and (@) second", "then"),
    (r"(@) second and (@) first", "after"),
    (r"after (@), (@)", "then"),
    (r"(?:before|prior to) (@), (@)", "after"),
    (r"at first (@), and in the end (@)", "then"),
    (r"in the end (@), and at first (@)", "after"),
    (r"(@),? (?:while|as) (@) can be heard", "while"),
    (r"while (@) can be heard, (@)", "while"),
    (r"(@) and (@) (?:at the same time|simultaneously)", "while"),
    (r"both (@) and (@) at once", "while"),
    (r"(@), with (@) at the same time", "while"),
]


class Reader:
    """Reads one caption; labels are words that begin with L, or `<speaker> says <words>`."""

    def __init__(self, text: str) -> None:
        self.parts: list[Part] = []
        for opening in OPENINGS:
            text = text.removeprefix(opening)
        self.text = self._leaves(text)

    def claim(self) -> Claim:
        """The claim that the caption makes."""
        if match := re.fullmatch(r"(?:no|there is no|without any) (\S+)|no (\S+) can be heard", self.text):
            return Absent(self._label(match[1] or match[2]))
        if match := re.fullmatch(r"(\S+) (?:is missing|cannot be heard)", self.text):
            return Absent(self._label(match[1]))
        if match := re.fullmatch(r"(\S+) (?:is louder than|drowns out|stands out over) (\S+)", self.text):
            return Louder(self._label(match[1]), self._label(match[2]))
        if match := re.fullmatch(r"(\S+) (?:is quieter than|is drowned out by|is softer than) (\S+)", self.text):
            return Louder(self._label(match[2]), self._label(match[1]))
        for pattern in (r"(?P<x>.*), (?:but no|and no|without any|and never) (?P<y>[^ ,;.]+)(?: at all)?",
                        r"without any (?P<y>\S+), (?P<x>.*)", r"no (?P<y>\S+), but (?P<x>.*)"):  # fmt: skip
            if match := re.fullmatch(pattern, self.text):
                return All((self._whole(match["x"]), Absent(self._label(match["y"]))))
        return self._whole(self.text)

    def _whole(self, text: str) -> Claim:
        part = self._figure(text)
        return part if isinstance(part, EventPattern) else Has(part)

    def _label(self, place: str) -> str:
        part = self.parts[int(place[1:-1])]
        assert isinstance(part, str)
        return part

    def _put(self, part: Part) -> str:
        self.parts.append(part)
        return f"<{len(self.parts) - 1}>"

    def _leaves(self, text: str) -> str:
        """Puts a place such as <0> for every sound with all that is said of it."""

        def replace(pattern: str, make: Callable[[re.Match[str]], Part], text: str) -> str:
            return re.sub(pattern, lambda match: self._put(make(match)), text)

        text = replace(r"(\w+) (?:says|saying) (\w+)", lambda m: f"{m[1]} says {m[2]}", text)
        text = replace(r"(\w+) (?:said by|spoken by|in the voice of) (\w+)", lambda m: f"{m[2]} says {m[1]}", text)
        text = replace(r"\bL\w+", lambda m: m[0], text)
        counted = r"(two|three|four) (?:separate )?(?:bouts|bursts|rounds|occurrences) of <(\d+)>"
        text = replace(counted, lambda m: Count(self._label(f"<{m[2]}>"), NUMBERS[m[1]]), text)
        before, behind = "|".join(map(re.escape, BEFORE)), "|".join(map(re.escape, BEHIND))
        while True:
            was = text
            text = replace(rf"\b(?<!-)({before}) <(\d+)>", lambda m: self._with(m[2], BEFORE[m[1]]), text)
            text = replace(rf"<(\d+)> ({behind})\b", lambda m: self._with(m[1], BEHIND[m[2]]), text)
            if text == was:
                return text

    def _with(self, number: str, trait: tuple[str, str]) -> Sound:
        part = self.parts[int(number)]
        if isinstance(part, Sound):
            return Sound(part.label, **dict(part.attributes), **{trait[0]: trait[1]})
        assert isinstance(part, str)
        return Sound(part, **{trait[0]: trait[1]})

    def _figure(self, text: str) -> Part:
        text = text.strip()
        while match := re.search(r"\(([^()]*)\)", text):  # what is in brackets is one thing
            text = text[: match.start()] + self._put(self._figure(match[1])) + text[match.end() :]
        text = text.removeprefix("first ")  # what comes then says the same
        if match := re.fullmatch(r"<(\d+)>", text):
            return self.parts[int(match[1])]
        sign = next((sign for sign in ".;," if sign in text), "")
        if sign:  # what stands between the strongest marks is one thing, but for the words that join
            pieces = text.split(sign)
            openers = [STARTERS if sign == "," else set(), *[JOINERS | (FINISHERS if sign == "," else set())] * 9]
            text = f"{sign} ".join(map(self._piece, pieces, openers[: len(pieces)]))
        return self._joined(text)

    def _piece(self, piece: str, openers: set[str]) -> str:
        """A piece between marks: joining words are kept, the rest becomes one place."""
        choices = "|".join(sorted(map(re.escape, openers), key=len, reverse=True)) or "(?!)"
        match = re.fullmatch(rf"\s*(?:({choices}) )?(.*?)( can be heard| at the same time)?\s*", piece)
        assert match is not None
        opener, middle, closer = match[1] or "", match[2], match[3] or ""
        if closer and {"while": " can be heard", "with": " at the same time"}.get(opener) != closer:
            middle, closer = middle + closer, ""  # these words belong to what is inside
        return f"{opener} {self._put(self._figure(middle))}{closer}".strip()

    def _joined(self, text: str) -> Part:
        for pattern, relation in AROUND:
            if match := re.fullmatch(pattern.replace("@", r"<\d+>"), text):
                one, other = (self.parts[int(place[1:-1])] for place in match.groups())
                return While(one, other) if relation == "while" else Then(
                    *((one, other) if relation == "then" else (other, one))
                )  # fmt: skip
        places = re.findall(r"<\d+>", text)
        joints = [joint.strip(" ,;.") for joint in re.split(r"<\d+>", text)]
        assert joints[0] == "", f"{text!r} opens with {joints[0]!r}"
        assert joints[-1] == "", f"{text!r} ends with {joints[-1]!r}"
        inner = [self.parts[int(place[1:-1])] for place in places]
        for words, make in ((FORWARD, Then), (TOGETHER, While)):
            if set(joints[1:-1]) <= words:
                return make(*inner)
        assert set(joints[1:-1]) <= BACKWARD, f"{text!r}: {joints} is no one relation"
        return Then(*inner[::-1])
