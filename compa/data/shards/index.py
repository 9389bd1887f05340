"""Shards: tars of `<id>.<audio ext>` and `<id>.json`, and the index that says where in them every sample is."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from compa.manifest import Clip, parse_clip

INDEX = "index.json"
SAMPLES = "samples.npy"
VERSION = 1
SAMPLE = np.dtype(
    [
        ("shard", "<u4"),
        ("audio_offset", "<i8"),
        ("audio_bytes", "<i8"),
        ("text_offset", "<i8"),
        ("text_bytes", "<i8"),
        ("twin", "<i8"),
    ]
)
"""A row of `samples.npy`: number of the shard, where in it audio and JSON are, and the row of the twin or -1."""


@dataclass(frozen=True)
class SampleEntry:
    """Where a sample is in its shard; offsets and sizes are in bytes."""

    id: str
    twin: str | None
    audio_offset: int
    audio_bytes: int
    text_offset: int
    text_bytes: int


@dataclass(frozen=True)
class Shard:
    """A tar: its file name, number of samples, size in bytes, and SHA-256."""

    name: str
    count: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ClipNote:
    """Why a clip was left out or differs from its file: its id, its file as the manifest names it, and the reason.

    A line that is not a clip has no id, and its file is the manifest's own, with the line's number.
    """

    id: str | None
    file: str | None
    reason: str

    def __str__(self) -> str:
        return f"{self.id or self.file}: {self.reason}"


@dataclass(frozen=True)
class Index:
    """What is in a folder of shards; `index.json`, whose presence says that the folder is complete.

    Attributes:
        content: What decides every byte of the shards: SHA-256 of the manifest and the settings.
        shards: The tars, in order.
        skipped: The clips that were left out.
        noted: Clips that are in the shards, but not as their files have them.
        samples_sha256: Of `samples.npy`.
        version: Of this format.
    """

    content: dict[str, Any]
    shards: tuple[Shard, ...]
    skipped: tuple[ClipNote, ...] = ()
    noted: tuple[ClipNote, ...] = ()
    samples_sha256: str = ""
    version: int = VERSION
    count: int = field(init=False)
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "count", sum(shard.count for shard in self.shards))
        object.__setattr__(self, "bytes", sum(shard.bytes for shard in self.shards))

    @property
    def summary(self) -> str:
        """How much there is, in words."""
        number = len(self.shards)
        return f"{self.count:,} clips in {number:,} shard{'s' * (number != 1)}, {self.bytes / 1e6:,.1f} MB"

    def to_json(self) -> str:
        """This index as the text of `index.json`."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def parse_index(text: str, name: str) -> Index:
    """Reads the text of an `index.json`; `name` says whose it is in messages.

    Raises:
        ValueError: If it is damaged or of another version.
    """
    try:
        values = json.loads(text)
        version = values["version"]
        if version != VERSION:
            raise ValueError(f"{name} must be of version {VERSION}; got {version}: write the shards again")
        index = Index(
            content=values["content"],
            shards=tuple(Shard(**shard) for shard in values["shards"]),
            skipped=tuple(ClipNote(**clip) for clip in values["skipped"]),
            noted=tuple(ClipNote(**clip) for clip in values.get("noted", ())),
            samples_sha256=values["samples_sha256"],
        )
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name} is not an index of shards ({error!r}): write the shards again") from None
    if (index.count, index.bytes) != (values.get("count"), values.get("bytes")):
        raise ValueError(f"{name} contradicts itself: count and bytes are not those of its shards: write them again")
    return index


def build_samples(entries: Iterable[Sequence[SampleEntry]]) -> NDArray[np.void]:
    """Puts the entries of all shards into one table of `SAMPLE` rows, with twins as row numbers.

    A clip has one twin: where several name the same clip, the first pair of the table counts and the rest are single,
    as are those whose twin was left out.

    Raises:
        ValueError: If an id occurs twice.
    """
    rows: list[tuple[int, ...]] = []
    row_of_id: dict[str, int] = {}
    twins: list[str | None] = []
    for number, shard in enumerate(entries):
        for entry in shard:
            if entry.id in row_of_id:
                raise ValueError(f"id {entry.id!r} occurs twice in the shards: ids must be unique")
            row_of_id[entry.id] = len(rows)
            twins.append(entry.twin)
            rows.append((number, entry.audio_offset, entry.audio_bytes, entry.text_offset, entry.text_bytes, -1))
    samples = np.array(rows, dtype=SAMPLE)
    for row, twin in enumerate(twins):
        other = row_of_id.get(twin, row) if twin else row
        if other != row and samples["twin"][row] == samples["twin"][other] == -1:
            samples["twin"][row], samples["twin"][other] = other, row
    return samples


def scan_shard(file: BinaryIO, name: str) -> list[SampleEntry]:
    """Reads through a tar and says where its samples are.

    Args:
        file: The tar.
        name: What messages call it.

    Returns:
        One entry a sample, in order.

    Raises:
        ValueError: If the tar is damaged, or holds anything but pairs of plain files `<id>.<audio ext>`, `<id>.json`.
    """
    entries: list[SampleEntry] = []
    seen: set[str] = set()
    try:
        with tarfile.open(fileobj=file, mode="r:", encoding="utf-8") as tar:
            members = list(tar)
            if len(members) % 2:
                raise ValueError(f"{name}: {members[-1].name!r} is alone: a sample is <id>.<audio ext>, <id>.json")
            for audio, text in zip(members[::2], members[1::2], strict=True):
                key = _key(audio, name)
                if _key(text, name) != key or not text.name.endswith(".json") or audio.name.endswith(".json"):
                    raise ValueError(
                        f"{name}: {audio.name!r}, {text.name!r} are not a sample: <id>.<audio ext>, then <id>.json"
                    )
                if key in seen:
                    raise ValueError(f"{name}: {key!r} occurs twice: ids must be unique")
                seen.add(key)
                content = tar.extractfile(text)
                assert content is not None
                clip = parse_sample(content.read(), f"{name}: {text.name}")
                if clip.id != key:
                    raise ValueError(f"{name}: {text.name!r} describes clip {clip.id!r}: the names must agree")
                place = (audio.offset_data, audio.size, text.offset_data, text.size)
                entries.append(SampleEntry(key, clip.twin, *place))
    except tarfile.TarError as error:
        raise ValueError(f"{name} is damaged or not a tar ({error}): write it again") from None
    return entries


def parse_sample(text: bytes, name: str) -> Clip:
    """Reads a sample's JSON; `name` says whose it is in messages."""
    try:
        return parse_clip(text.decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _key(member: tarfile.TarInfo, shard: str) -> str:
    """The sample's id in a member's name, which must be a plain file beside all others."""
    if not member.isreg():
        raise ValueError(f"{shard}: {member.name!r} is not a plain file (links, folders and devices are refused)")
    path = PurePosixPath(member.name)
    if path.is_absolute() or len(path.parts) != 1 or "\\" in member.name or path.parts[0] == "..":
        raise ValueError(f"{shard}: {member.name!r} leads to another folder: members are <id>.<ext> beside each other")
    return member.name.partition(".")[0]
