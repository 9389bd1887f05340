"""The manifest: one captioned clip a line of JSON, and the records it is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compa.utils.files import whole_file
from compa.utils.text import did_you_mean
from compa.utils.text_rows import START, LineOffset, RowError, lines_from, parse_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

NEGATIVE_KINDS = (
    "order",
    "relation",
    "attribute-swap",
    "attribute-change",
    "replacement",
    "count",
    "absence",
    "binding",
)
"""What a negative changes in its caption."""
POSITIVE_LEVELS = ("paraphrase", "sub-scene", "event", "attribute")
"""Granularity of a further true text."""

_STRICT = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
_JSON_KEYWORDS = re.compile("NaN|Infinity")


@dataclass(frozen=True)
class Event:
    """One sound event of a clip.

    Attributes:
        label: What sounds.
        onset: Start in seconds from the clip's start.
        offset: End in seconds from the clip's start.
        level_db: Level in dB relative to the clip's other events; None where unknown.
        attributes: Further properties by name (pitch, speaker, distance, ...).
    """

    __pydantic_config__ = _STRICT

    label: str
    onset: float
    offset: float
    level_db: float | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Negative:
    """A caption that is false of its clip: `kind` says what was changed in caption number `of`."""

    __pydantic_config__ = _STRICT

    text: str
    kind: str
    generator: str | None = None
    of: int | None = None
    claim: str | None = None

    def __post_init__(self) -> None:
        _check_choice("kind", self.kind, NEGATIVE_KINDS)


@dataclass(frozen=True)
class Positive:
    """A further text that is true of its clip, of another granularity (`level`) than caption number `of`."""

    __pydantic_config__ = _STRICT

    text: str
    level: str
    of: int | None = None
    claim: str | None = None

    def __post_init__(self) -> None:
        _check_choice("level", self.level, POSITIVE_LEVELS)


@dataclass(frozen=True)
class Turn:
    """An instruction about the clip and its answer, for audio language models; `task` names the kind of question."""

    __pydantic_config__ = _STRICT

    instruction: str
    answer: str
    task: str | None = None


@dataclass(frozen=True)
class Clip:
    """One clip with all that is known of it.

    Attributes:
        id: Unique name without '.', '/', white space or control characters (webdataset splits at the first dot).
        audio: Path relative to the manifest, or absolute; None in a captions-only manifest.
        captions: Texts that are true of the clip.
        claims: Parallel to `captions`: the claim in canonical text form, or None where it is not known.
        negatives: Texts that are false of the clip.
        positives: Further texts that are true of it.
        events: What sounds when.
        twin: Id of the clip that is this one's minimal edit.
        split: What it is for, such as `train` or `test`.
        source: What it was cut from; clips of one source are never in training and test sets.
        author: Who made it.
        licence: Under which terms.
        tags: Names of what is in it, for tagging.
        group: Artist or concert; clips of one group are never in training and test sets.
        turns: Questions and answers about it.
    """

    __pydantic_config__ = _STRICT

    id: str
    audio: str | None
    captions: tuple[str, ...]
    claims: tuple[str | None, ...] = ()
    negatives: tuple[Negative, ...] = ()
    positives: tuple[Positive, ...] = ()
    events: tuple[Event, ...] = ()
    twin: str | None = None
    split: str | None = None
    source: str | None = None
    author: str | None = None
    licence: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    turns: tuple[Turn, ...] = ()

    def __post_init__(self) -> None:
        if not self.id or _NOT_IN_ID.search(self.id):
            raise ValueError(
                f"id {self.id!r} must be non-empty without '.', '/', white space or control characters: "
                "escape_id() makes one"
            )
        if self.claims and len(self.claims) != len(self.captions):
            raise ValueError(f"{len(self.claims)} claims for {len(self.captions)} captions: they must be parallel")

    def to_json(self) -> str:
        """This clip as one line of JSON; optional fields that are empty are left out."""
        record = {key: value for key, value in vars(self).items() if value not in ((), None)}
        whole = {"id": self.id, "audio": self.audio, "captions": self.captions} | record
        return json.dumps(whole, ensure_ascii=False, default=vars)


_RECORDS = {"negatives": Negative, "positives": Positive, "events": Event, "turns": Turn}
_REQUIRED = ("id", "audio", "captions")
_NOT_IN_ID = re.compile(r"[./\\\s\x00-\x1f\x7f]")
_ESCAPED = re.compile(f"{_NOT_IN_ID.pattern}|%")


def escape_id(name: str) -> str:
    """Makes any text fit to be a clip's id, without two texts sharing one.

    Example:
        >>> escape_id("a b/c.wav")
        'a%20b%2Fc%2Ewav'
    """
    return _ESCAPED.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name)


def parse_clip(line: str) -> Clip:
    """Reads one line of a manifest.

    Raises:
        ValueError: If the line is not JSON, lacks a required key, or has an unknown one (nearest names given).
    """
    if not _JSON_KEYWORDS.search(line):  # which pydantic accepts as numbers
        with suppress(ValueError):
            return _adapter().validate_json(line)
    return build_clip(parse_json(line))  # says what is wrong, and accepts null for an empty list; a quarter as fast


def build_clip(record: Any) -> Clip:
    """Makes a clip of what its line of JSON holds; raises as `parse_clip` does."""
    from pydantic import ValidationError

    if isinstance(record, dict):
        record = {key: value for key, value in record.items() if value is not None or key in _REQUIRED}
    try:
        return _adapter().validate_json(json.dumps(record))
    except ValidationError as error:
        raise ValueError(_explain(error)) from None


def scan_manifest(path: str | Path) -> Iterator[Clip | RowError]:
    """Yields the clips of a JSON Lines file in order, and what is wrong with a line in place of its clip."""
    for _, item in scan_from(path):
        yield item


def scan_from(path: str | Path, first: LineOffset = START) -> Iterator[tuple[LineOffset, Clip | RowError]]:
    """Yields what `scan_manifest` does, from a line on, each with its line's offset; blank lines are skipped."""
    path = Path(path)
    for offset, line in lines_from(path, first):
        if isinstance(line, RowError):
            yield offset, line
        elif text := line.strip():
            try:
                yield offset, parse_clip(text)
            except ValueError as error:
                yield offset, RowError(f"{path}, line {offset.number}", str(error))


def read_manifest(path: str | Path) -> Iterator[Clip]:
    """Yields the clips of a JSON Lines file, one at a time, in order; blank lines are skipped.

    Raises:
        ValueError: At the first bad line, naming file and line number.
    """
    for item in scan_manifest(path):
        if isinstance(item, RowError):
            raise ValueError(str(item))
        yield item


def write_manifest(path: str | Path, clips: Iterable[Clip]) -> int:
    """Writes clips as JSON Lines and returns how many; the file appears only when it is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with whole_file(path) as file:
        for clip in clips:
            file.write(clip.to_json().encode() + b"\n")
            count += 1
    return count


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Clip]:
    """Reads clips; made on first use, since that takes 0.1 s."""
    from pydantic import TypeAdapter

    return TypeAdapter(Clip)


def _explain(error: ValidationError) -> str:
    """The first thing that is wrong with a clip, as one clause: which key, what is legal, what was found."""
    problems = error.errors(include_url=False)
    unknown = (problem for problem in problems if problem["type"] == "unexpected_keyword_argument")
    problem = next(unknown, problems[0])  # first of all, since a misspelt key is also a missing one
    where = ".".join(map(str, problem["loc"])) or "a clip"
    *path, key = problem["loc"] or ("",)
    outer = ".".join(map(str, path)) or "clip"
    if problem["type"] == "unexpected_keyword_argument":
        known = [item.name for item in fields(_RECORDS.get(str(path[0]), Clip) if path else Clip)]
        return f"{outer}: unknown key {key!r}{did_you_mean(str(key), known, cutoff=0.0)} (known: {', '.join(known)})"
    if problem["type"] == "missing":
        return f"{outer}: missing key {key!r}"
    if problem["type"] == "value_error":
        return f"{where}: {problem['ctx']['error']}"
    found = repr(problem["input"])
    legal = problem["msg"].removeprefix("Input should be ")
    return f"{where} must be {legal}; got {found if len(found) <= 80 else f'{found[:77]}...'}"


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")
