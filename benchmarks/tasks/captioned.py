"""Captioned clips for retrieval: of a manifest, or composed of the test recordings of an event bank."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from benchmarks.tasks import Item, Material
from benchmarks.tasks.sound_files import fingerprint, flaws_of, left_out, name_of
from compa.data.quarantine import Quarantine
from compa.manifest import Clip, scan_manifest
from compa.scenes.banks.bank import short_hash
from compa.scenes.claims import Truth, parse
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.settings import Settings
from compa.scenes.holdout import label_pairs

NUM_SCENES = 200
SCENES = Settings(seconds=6.0, max_events=3, max_depth=2, negatives=3, positives=1, twins=False)
TEST: Final = "test"


@dataclass(frozen=True)
class Captioned:
    """Clips with what is said of them.

    Attributes:
        items: One audio each, with its captions.
        false: For each clip the texts that are false of it, as far as its manifest has some.
        also_true: For each clip the texts of other clips that may be true of it.
        data: What results say of it.
    """

    items: Sequence[Item]
    false: Sequence[Sequence[str]]
    also_true: Sequence[set[str]]
    data: dict[str, Any]


def captioned_items(manifest: Path, limit: int | None = None) -> Captioned:
    """The clips of a manifest that have a caption and a sound; those of the split `test` alone where there is one.

    Clips in the quarantine of the manifest count as missing, as do those whose sound is not there or unreadable.

    Raises:
        ValueError: If there is no such manifest, or a line of it is no clip.
    """
    if not manifest.is_file():
        raise ValueError(f"there is no manifest {manifest}: give a .jsonl file, as `compa data import` writes one")
    listed = Quarantine(manifest)
    known = []
    for item in scan_manifest(manifest):
        if isinstance(item, Clip):
            known.append(item)
        else:
            listed.reason(item)  # raises where the line is not in quarantine
    twice = [name for name, count in Counter(clip.id for clip in known).items() if count > 1]
    if twice:
        raise ValueError(f"{manifest} has several clips {twice[0]!r}: `compa data verify` tells which")
    if any(clip.split == TEST for clip in known):
        known = [clip for clip in known if clip.split == TEST]
    some = known[:limit]
    flaws = _flaws(some, manifest.parent, listed)
    whole = [clip for clip, flaw in zip(some, flaws, strict=True) if flaw is None]
    paths = [manifest.parent / (clip.audio or "") for clip in whole]
    items = [
        Item(
            id=clip.id,
            audio=(path,),
            captions=clip.captions,
            labels=tuple(dict.fromkeys(event.label for event in clip.events)),
            recordings=(clip.id,),
            sources=(clip.source or clip.id,),
            events=(clip.events,) if clip.events else (),
        )
        for clip, path in zip(whole, paths, strict=True)
    ]
    data = {
        "name": name_of(manifest),
        "fingerprint": fingerprint(((clip.captions, _false(clip)) for clip in whole), paths),
        "found": len(items),
        "expected": len(known),
    }
    if warnings := left_out([clip.id for clip in some], flaws, "clips"):
        data["warnings"] = warnings
    return Captioned(items, [_false(clip) for clip in whole], also_true(whole), data)


def composed_items(material: Material, limit: int | None = None) -> Captioned:
    """A fixed set of scenes of test recordings: they follow from the bank, and from no seed."""
    bank = material.bank
    composer = Composer(bank.split(TEST), SCENES, pairs=label_pairs(bank.labels))
    numbers = range(NUM_SCENES if limit is None else min(limit, NUM_SCENES))
    items, clips = [], []
    for number in tqdm(numbers, desc="Composing scenes", unit="scene", leave=False, disable=None):
        ((clip, waveform, timeline),) = composer.scenes(number)
        snippets = [sound.snippet for _, _, sound in timeline.placed]
        clips.append(clip)
        items.append(
            Item(
                id=clip.id,
                audio=((waveform, bank.sample_rate),),
                captions=clip.captions,
                labels=tuple(dict.fromkeys(event.label for event in clip.events)),
                recordings=tuple(dict.fromkeys(snippet.recording for snippet in snippets)),
                sources=tuple(dict.fromkeys(snippet.source or snippet.recording for snippet in snippets)),
                events=(clip.events,),
            )
        )
    data = {
        "name": bank.name,
        "fingerprint": short_hash(bank.fingerprint, [(clip.captions, _false(clip)) for clip in clips]),
        "found": len(items),
        "expected": NUM_SCENES,
    }
    return Captioned(items, [_false(clip) for clip in clips], also_true(clips), data)


def also_true(clips: Sequence[Clip]) -> list[set[str]]:
    """The texts of other clips that may be true of each clip.

    A text with a claim may be true of a clip when its claim is not False of the clip's events; without a claim, when
    it equals one of the clip's captions or positives.
    """
    claims: dict[str, str | None] = {}
    for clip in clips:
        for text, claim in _claimed(clip):
            claims[text] = claims.get(text) or claim
    by_words: defaultdict[str, list[str]] = defaultdict(list)
    for text in claims:
        by_words[_normalised(text)].append(text)
    found: list[set[str]] = []
    with_label: defaultdict[str, set[int]] = defaultdict(set)
    for number, clip in enumerate(clips):
        own = (*clip.captions, *(positive.text for positive in clip.positives))
        found.append({same for text in own for same in by_words.get(_normalised(text), ())})
        for event in clip.events:
            with_label[event.label].add(number)
    with_events = set().union(*with_label.values())
    for text, written in tqdm(claims.items(), desc="Judging texts", unit="text", leave=False, disable=None):
        if written is not None and with_events:
            parsed = parse(written)
            for number in set.intersection(with_events, *(with_label[label] for label in parsed.labels())):
                if parsed.judge(clips[number].events) is not Truth.FALSE:
                    found[number].add(text)
    return [texts - set(_false(clip)) for texts, clip in zip(found, clips, strict=True)]


def _claimed(clip: Clip) -> Iterable[tuple[str, str | None]]:
    """The texts about a clip that are put to models, with their claims."""
    yield from zip(clip.captions, clip.claims or (None,) * len(clip.captions), strict=True)
    yield from ((negative.text, negative.claim) for negative in clip.negatives)


def _false(clip: Clip) -> tuple[str, ...]:
    return tuple(dict.fromkeys(negative.text for negative in clip.negatives))


def _flaws(clips: Sequence[Clip], folder: Path, listed: Quarantine) -> list[str | None]:
    """Why each clip cannot be used, if so."""
    flaws = [
        "in quarantine" if clip.id in listed.clips else "without a caption" if not clip.captions else
        "without a sound" if clip.audio is None else None
        for clip in clips
    ]  # fmt: skip
    sounds = [folder / clip.audio for clip, flaw in zip(clips, flaws, strict=True) if flaw is None and clip.audio]
    of_sounds = iter(flaws_of(sounds))
    return [flaw if flaw is not None else next(of_sounds) for flaw in flaws]


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
