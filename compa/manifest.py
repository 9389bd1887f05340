"""The manifest: one captioned clip a line of JSON, and the records it is made of."""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

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
        id: Unique name without '.', '/' or white space (webdataset splits at the first dot).
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
        if not self.id or re.search(r"[./\s]", self.id):
            raise ValueError(f"id {self.id!r} must be non-empty without '.', '/' or white space: escape_id() makes one")
        if self.claims and len(self.claims) != len(self.captions):
            raise ValueError(f"{len(self.claims)} claims for {len(self.captions)} captions: they must be parallel")

    def to_json(self) -> str:
        """This clip as one line of JSON; optional fields that are empty are left out."""
        record = {key: value for key, value in dataclasses.asdict(self).items() if value not in ((), None)}
        return json.dumps({"id": self.id, "audio": self.audio, "captions": self.captions} | record, ensure_ascii=False)


Record = TypeVar("Record", Clip, Event, Negative, Positive)


def escape_id(name: str) -> str:
    """Makes any text fit to be a clip's id, without two texts sharing one.

    Example:
        >>> escape_id("a b/c.wav")
        'a%20b%2Fc%2Ewav'
    """
    return re.sub(r"[./\s%]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), name)


def parse_clip(line: str) -> Clip:
    """Reads one line of a manifest.

    Raises:
        ValueError: If the line is not JSON, lacks a required key, or has an unknown one (nearest names given).
    """
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from None
    if not isinstance(record, dict):
        raise ValueError(f"a clip must be a JSON object, not {type(record).__name__}")
    clip = _build(Clip, record)
    return dataclasses.replace(
        clip,
        captions=_texts("captions", clip.captions),
        claims=tuple(clip.claims or ()),
        negatives=tuple(_build(Negative, item) for item in clip.negatives or ()),
        positives=tuple(_build(Positive, item) for item in clip.positives or ()),
        events=tuple(_build(Event, item) for item in clip.events or ()),
    )


def read_manifest(path: str | Path) -> Iterator[Clip]:
    """Yields the clips of a JSON Lines file, one at a time, in order; blank lines are skipped.

    Raises:
        ValueError: At the first bad line, naming file and line number.
    """
    path = Path(path)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                if text := line.decode("utf-8").strip():
                    yield parse_clip(text)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: {error}") from None


def write_manifest(path: str | Path, clips: Iterable[Clip]) -> int:
    """Writes clips as JSON Lines and returns how many; the file appears only when it is whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    count = 0
    with partial.open("w", encoding="utf-8") as file:
        for clip in clips:
            file.write(clip.to_json() + "\n")
            count += 1
    partial.replace(path)
    return count


def _build(record_type: type[Record], values: Any) -> Record:
    name = record_type.__name__.lower()
    if not isinstance(values, dict):
        raise ValueError(f"{name}: expected a JSON object, got {values!r}")
    fields = {item.name: item for item in dataclasses.fields(record_type)}
    for key in values:
        if key not in fields:
            raise ValueError(f"{name}: unknown key {key!r}{_did_you_mean(key, fields)}")
    for key, item in fields.items():
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and key not in values:
            raise ValueError(f"{name}: missing key {key!r}")
    return record_type(**values)


def _did_you_mean(key: str, names: Iterable[str]) -> str:
    names = list(names)
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.0)
    return f"; did you mean {near[0]!r}? (known: {', '.join(names)})" if near else f" (known: {', '.join(names)})"


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} {value!r} is none of {', '.join(choices)}")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{name} must be a list of texts, got {value!r}")
    return tuple(value)
