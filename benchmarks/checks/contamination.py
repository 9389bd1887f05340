"""Looks for items of a benchmark in the data that a model was trained on: ids, sounds, captions."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from benchmarks.items import Audio, Item, audio_key
from compa.manifest import Clip
from compa.utils.parallel import map_threads

YOUTUBE, FREESOUND, SOUND, CAPTION = "YouTube id", "freesound id", "sound", "caption"
MARK_KINDS = (YOUTUBE, FREESOUND, SOUND, CAPTION)

_ADDRESSES = {
    YOUTUBE: re.compile(r"(?:youtu\.be/|youtube\.com/(?:watch\?(?:.*&)?v=|embed/|shorts/))([\w-]{11})(?![\w-])"),
    FREESOUND: re.compile(r"freesound\.org/(?:s|sounds|people/[^/]+/sounds)/(\d+)"),
}
_NAMES = {
    YOUTUBE: re.compile(r"Y?([\w-]{11})(?:_\d+(?:[._]\d+)*)?"),  # as AudioSet's files: ID, YID, ID_30000_40000
    FREESOUND: re.compile(r"(?:\d-)?([1-9]\d{3,})(?:-[A-Z0-9]+)*"),  # as FSD50K's and ESC-50's: 64760, 1-100032-A-0
}

Mark: TypeAlias = tuple[str, str]
"""A kind, and the id or content that can be shared."""
Sound: TypeAlias = Path | bytes | None


@dataclass
class Shared:
    """The items that share one kind of mark with the training data.

    Attributes:
        kind: One of `MARK_KINDS`.
        items: Ids of these items, in order.
        example: The id of one of them, what it shares, and the training clip that has it.
    """

    kind: str
    items: list[str] = field(default_factory=list)
    example: tuple[str, str, str] = ("", "", "")

    def sentence(self, num_items: int) -> str:
        """A sentence for a report.

        Example:
            >>> Shared("caption", ["i1"], ("i1", "a dog", "clip7")).sentence(400)
            "1 of 400 items share a caption with the training data (such as 'a dog' of i1 and clip7)"
        """
        item, what, clip = self.example
        what = f"{what!r} of " if self.kind != SOUND else ""
        return (
            f"{len(self.items)} of {num_items} items share a {self.kind} with the training data "
            f"(such as {what}{item} and {clip})"
        )


def audit(items: Sequence[Item], training: Iterable[tuple[Clip, Sound]], sounds: bool = True) -> list[Shared]:
    """Finds items of a benchmark that share something with clips that a model was trained on.

    Args:
        items: The items of the benchmark.
        training: Clips, with their sounds if there are any; see `training_clips`.
        sounds: Whether to decode all audio and compare the samples, in any file format.

    Returns:
        One per kind of mark that is shared; empty if nothing is.
    """
    owners: dict[Mark, list[str]] = {}
    for item in items:
        for mark in dict.fromkeys(_marks_of_item(item)):
            owners.setdefault(mark, []).append(item.id)
    if sounds:
        audios = {audio_key(audio): audio for item in items for audio in item.audio}
        contents = dict(zip(audios, map_threads(_content, audios.values()), strict=True))
        for item in items:
            for content in dict.fromkeys(contents[audio_key(audio)] for audio in item.audio):
                if content:
                    owners.setdefault((SOUND, content), []).append(item.id)
    clips: dict[Mark, str] = {}
    for clip, content in map_threads(lambda pair: (pair[0], _content(pair[1]) if sounds else ""), training, ahead=64):
        for mark in (*_marks_of_clip(clip), (SOUND, content)):
            if mark in owners:
                clips.setdefault(mark, clip.id)
    return list(_shared(items, owners, clips))


def training_clips(source: Path) -> Iterator[tuple[Clip, Sound]]:
    """Clips that a model was trained on, each with its sound file or the content of it.

    Args:
        source: A manifest, a folder of shards, or a run folder, whose `config.yaml` names its shards.

    Raises:
        ValueError: If it is something else.
    """
    from compa.data.shards.index import INDEX

    if source.is_file():
        from compa.data.quarantine import usable_clips

        for clip in usable_clips(source):
            yield clip, source.parent / clip.audio if clip.audio else None
    elif (source / INDEX).is_file():
        from compa.data.shards.reader import ShardReader

        reader = ShardReader(source)
        for row in range(len(reader)):
            yield reader.read(row)
    elif (source / "config.yaml").is_file():
        for folder in _shard_folders(source / "config.yaml"):
            yield from training_clips(folder)
    else:
        raise ValueError(f"--train must be a manifest, a folder of shards, or a run folder; got {source}")


def _shard_folders(config: Path) -> list[Path]:
    try:
        settings: Any = yaml.safe_load(config.read_text(encoding="utf-8"))
        folders = settings["data"]["init_args"]["train"]
    except (yaml.YAMLError, KeyError, TypeError):
        raise ValueError(f"{config} does not name shards: give the manifest of the training data") from None
    missing = [folder for folder in folders if not Path(folder).is_dir()]
    if missing:
        raise ValueError(f"{config} names {missing[0]}, which is not here: give the manifest, or the folder of shards")
    return [Path(folder) for folder in folders]


def _shared(items: Sequence[Item], owners: dict[Mark, list[str]], clips: dict[Mark, str]) -> Iterator[Shared]:
    order = {item.id: number for number, item in enumerate(items)}
    for kind in MARK_KINDS:
        marks = [mark for mark in clips if mark[0] == kind]
        if marks:
            ids = sorted({item for mark in marks for item in owners[mark]}, key=order.__getitem__)
            first = next(mark for mark in marks if ids[0] in owners[mark])
            yield Shared(kind, ids, (ids[0], first[1], clips[first]))


def _marks_of_item(item: Item) -> Iterator[Mark]:
    addresses = [*item.sources, *item.recordings, *(credit.source for credit in item.credits if credit.source)]
    names = [audio.stem for audio in item.audio if isinstance(audio, Path)]
    names += [Path(recording).stem for recording in (*item.recordings, *item.sources) if "://" not in recording]
    yield from _ids(addresses, names)
    for caption in item.captions:
        yield CAPTION, _words(caption)


def _marks_of_clip(clip: Clip) -> Iterator[Mark]:
    names = [clip.id] + ([Path(clip.audio).stem] if clip.audio else [])
    yield from _ids([clip.source] if clip.source else [], names)
    for caption in clip.captions:
        yield CAPTION, _words(caption)


def _ids(addresses: Iterable[str], names: Iterable[str]) -> Iterator[Mark]:
    """Ids in addresses, and possible ids in file names, which matter only if the other side has them too."""
    for text, patterns, whole in [(a, _ADDRESSES, False) for a in addresses] + [(n, _NAMES, True) for n in names]:
        for kind, pattern in patterns.items():
            if found := (pattern.fullmatch(text) if whole else pattern.search(text)):
                yield kind, found[1]


def _content(sound: Audio | Sound) -> str:
    """Equal for equal samples, rate and channels; empty if there is no readable sound."""
    from compa.data.audio_probe import content_hash_of, probe

    if isinstance(sound, bytes):
        with tempfile.NamedTemporaryFile() as file:
            file.write(sound)
            file.flush()
            return probe(Path(file.name)).content_hash
    if isinstance(sound, Path):
        return probe(sound).content_hash
    return content_hash_of(*sound) if sound else ""


def _words(text: str) -> str:
    """A caption without case and punctuation: coarser than `normalized`, since here a match is only a hint."""
    return " ".join(re.findall(r"\w+", text.lower()))
