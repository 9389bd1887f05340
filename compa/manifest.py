"""The manifest: one captioned clip a line of JSON, and the records it is made of."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from compa.utils.text_lines import START, Place, Refusal, placed_lines

KINDS = (
    "order",
    "relation",
    "attribute-swap",
    "attribute-change",
    "replacement",
    "count",
    "absence",
    "binding",
)
LEVELS = ("paraphrase", "sub-scene", "event", "attribute")


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

    label: str
    onset: float
    offset: float
    level_db: float | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Negative:
    """A caption that is false of its clip: `kind` says what was changed in caption number `of`."""

    text: str
    kind: str
    generator: str | None = None
    of: int | None = None
    claim: str | None = None

    def __post_init__(self) -> None:
        _check_choice("kind", self.kind, KINDS)


@dataclass(frozen=True)
class Positive:
    """A further text that is true of its clip, of another granularity (`level`) than caption number `of`."""

    text: str
    level: str
    of: int | None = None
    claim: str | None = None

    def __post_init__(self) -> None:
        _check_choice("level", self.level, LEVELS)


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
    """

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

    def __post_init__(self) -> None:
        if not self.id or re.search(_NO_ID, self.id):
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


Record = TypeVar("Record", Clip, Event, Negative, Positive)
_ANNOTATIONS: dict[type, dict[str, str]] = {
    record_type: {item.name: str(item.type) for item in dataclasses.fields(record_type)}
    for record_type in (Clip, Event, Negative, Positive)
}
_REQUIRED: dict[type, list[str]] = {
    Clip: ["id", "audio", "captions"],
    Event: ["label", "onset", "offset"],
    Negative: ["text", "kind"],
    Positive: ["text", "level"],
}
_NO_ID = r"[./\\\s\x00-\x1f\x7f]"


def escape_id(name: str) -> str:
    """Makes any text fit to be a clip's id, without two texts sharing one.

    Example:
        >>> escape_id("a b/c.wav")
        'a%20b%2Fc%2Ewav'
    """
    return re.sub(f"{_NO_ID}|%", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name)


def parse_clip(line: str) -> Clip:
    """Reads one line of a manifest.

    Raises:
        ValueError: If the line is not JSON, lacks a required key, or has an unknown one (nearest names given).
    """
    return build_clip(parse_json(line))


def build_clip(record: Any) -> Clip:
    """Makes a clip of what its line of JSON holds; raises as `parse_clip` does."""
    if not isinstance(record, dict):
        raise ValueError(f"a clip must be a JSON object, not {type(record).__name__}")
    clip = _build(Clip, record)
    return dataclasses.replace(
        clip,
        captions=_texts("captions", clip.captions),
        claims=_texts("claims", clip.claims or (), or_null=True),
        negatives=tuple(_build(Negative, item) for item in _list("negatives", clip.negatives)),
        positives=tuple(_build(Positive, item) for item in _list("positives", clip.positives)),
        events=tuple(_build(Event, item) for item in _list("events", clip.events)),
    )


def parse_json(text: str) -> Any:
    """Reads JSON as its standard has it: without NaN, and with no text that UTF-8 cannot hold.

    Raises:
        ValueError: If it is none.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair could not be written again
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    return value


def scan_manifest(path: str | Path) -> Iterator[Clip | Refusal]:
    """Yields the clips of a JSON Lines file in order, and what is wrong with a line in place of its clip."""
    for _, item in scan_from(path):
        yield item


def scan_from(path: str | Path, first: Place = START) -> Iterator[tuple[Place, Clip | Refusal]]:
    """Yields what `scan_manifest` does, from a line on, each with the place of its line; blank lines are skipped."""
    path = Path(path)
    for place, line in placed_lines(path, first):
        if isinstance(line, Refusal):
            yield place, line
        elif text := line.strip():
            try:
                yield place, parse_clip(text)
            except ValueError as error:
                yield place, Refusal(f"{path}, line {place.number}", str(error))


def read_manifest(path: str | Path) -> Iterator[Clip]:
    """Yields the clips of a JSON Lines file, one at a time, in order; blank lines are skipped.

    Raises:
        ValueError: At the first bad line, naming file and line number.
    """
    for item in scan_manifest(path):
        if isinstance(item, Refusal):
            raise ValueError(str(item))
        yield item


def write_manifest(path: str | Path, clips: Iterable[Clip]) -> int:
    """Writes clips as JSON Lines and returns how many; the file appears only when it is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    count = 0
    try:
        with partial.open("w", encoding="utf-8") as file:
            for clip in clips:
                file.write(clip.to_json() + "\n")
                count += 1
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def _build(record_type: type[Record], values: Any) -> Record:
    name = record_type.__name__.lower()
    if not isinstance(values, dict):
        raise ValueError(f"{name}: expected a JSON object, got {_short(values)}")
    annotations, required = _ANNOTATIONS[record_type], _REQUIRED[record_type]
    for key, value in values.items():
        if key not in annotations:
            raise ValueError(f"{name}: unknown key {key!r}{_did_you_mean(key, annotations)}")
        _check_type(f"{name}: {key}", value, annotations[key])
    for key in required:
        if key not in values:
            raise ValueError(f"{name}: missing key {key!r}")
    return record_type(**values)


def _check_type(name: str, value: Any, annotation: str) -> None:
    """Checks a value from JSON against a record's annotation; lists are checked where they are built."""
    if annotation not in _JSON_TYPES or (value is None and annotation.endswith("| None")):
        return
    types, words = _JSON_TYPES[annotation]
    if not isinstance(value, types) or isinstance(value, bool):
        raise ValueError(f"{name} must be {words}, got {_short(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, got {value}")


_JSON_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a text"),
    "str | None": ((str,), "a text or null"),
    "int | None": ((int,), "a whole number or null"),
    "float": ((int, float), "a number"),
    "float | None": ((int, float), "a number or null"),
    "dict[str, Any]": ((dict,), "a JSON object"),
}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _did_you_mean(key: str, names: Iterable[str]) -> str:
    names = list(names)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.0)
    return f"; did you mean {near[0]!r}? (known: {', '.join(names)})" if near else f" (known: {', '.join(names)})"


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} {value!r} is none of {', '.join(choices)}")


def _list(name: str, value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple | None):
        raise ValueError(f"{name} must be a list, got {_short(value)}")
    return value or ()


def _texts(name: str, value: Any, or_null: bool = False) -> tuple[Any, ...]:
    legal = str | None if or_null else str
    if not isinstance(value, list | tuple) or not all(isinstance(text, legal) for text in value):
        raise ValueError(f"{name} must be a list of texts{' or nulls' if or_null else ''}, got {_short(value)}")
    return tuple(value)
