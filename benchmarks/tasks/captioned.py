"""Captioned clips for retrieval: from a manifest, or composed of the test recordings of an event bank."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm

from benchmarks.items import Item
from benchmarks.tasks.sound_files import fingerprint, flaws_of, left_out, name_of
from benchmarks.tasks.task import TaskInputs
from compa.data.known_true import ClipFacts, is_true_of
from compa.data.quarantine import Quarantine
from compa.manifest import Clip, scan_manifest
from compa.scenes.banks.bank import short_hash
from compa.scenes.claims import Truth, parse
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.settings import Settings
from compa.scenes.holdout import label_pairs
from compa.utils.text import normalized

NUM_SCENES = 200
SCENES = Settings(seconds=6.0, max_events=3, max_depth=2, negatives=3, positives=1, twins=False)
TEST: Final = "test"


@dataclass(frozen=True)
class Captioned:
    """Clips with true and false texts.

    Attributes:
        items: One audio each, with its captions.
        false: For each clip, the texts that are known to be false of it.
        also_true: For each clip, the texts of other clips that may be true of it.
        data: What results record about the set.
    """

    items: Sequence[Item]
    false: Sequence[Sequence[str]]
    also_true: Sequence[set[str]]
    data: dict[str, Any]


def captioned_items(manifest: Path, limit: int | None = None) -> Captioned:
    """The clips of a manifest that have a caption and a sound; only those of the split `test` if there is one.

    Clips that are in the manifest's quarantine, or whose sound is missing or unreadable, are left out.

    Raises:
        ValueError: If there is no such manifest, or a line of it is not a clip.
    """
    if not manifest.is_file():
        raise ValueError(f"there is no manifest {manifest}: give a .jsonl file, as `compa data import` writes it")
    listed = Quarantine(manifest)
    known = []
    for item in scan_manifest(manifest):
        if isinstance(item, Clip):
            known.append(item)
        else:
            listed.reason(item)  # raises where the line is not in quarantine
    repeated = [name for name, count in Counter(clip.id for clip in known).items() if count > 1]
    if repeated:
        raise ValueError(f"{manifest} has several clips {repeated[0]!r}: `compa data verify` lists them")
    if any(clip.split == TEST for clip in known):
        known = [clip for clip in known if clip.split == TEST]
    some = known[:limit]
    flaws = _flaws(some, manifest.parent, listed)
    usable = [clip for clip, flaw in zip(some, flaws, strict=True) if flaw is None]
    paths = [manifest.parent / (clip.audio or "") for clip in usable]
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
        for clip, path in zip(usable, paths, strict=True)
    ]
    data = {
        "name": name_of(manifest),
        "fingerprint": fingerprint(((clip.captions, _false(clip)) for clip in usable), paths),
        "found": len(items),
        "expected": len(known),
    }
    if warnings := left_out([clip.id for clip in some], flaws, "clips"):
        data["warnings"] = warnings
    return Captioned(items, [_false(clip) for clip in usable], also_true(usable), data)


def composed_items(inputs: TaskInputs, limit: int | None = None) -> Captioned:
    """A fixed set of scenes of test recordings, which depends on the bank only, not on a seed."""
    bank = inputs.bank
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

    A text may be true of a clip if its claim is not False of the clip's events, or if it has the same words as one of
    the clip's captions or positives. What the clip lists as a negative is false of it.
    """
    claims: dict[str, str | None] = {}
    for clip in clips:
        for text, claim in _claimed(clip):
            claims[text] = claims.get(text) or claim
    facts = [
        ClipFacts.of(clip.events, (*clip.captions, *(positive.text for positive in clip.positives))) for clip in clips
    ]
    with_words: defaultdict[str, set[int]] = defaultdict(set)  # numbers of clips
    with_label: defaultdict[str, set[int]] = defaultdict(set)
    for number, known in enumerate(facts):
        for words in known.texts:
            with_words[words].add(number)
        for label in known.labels:
            with_label[label].add(number)
    with_events = set().union(*with_label.values())
    found: list[set[str]] = [set() for _ in clips]
    for text, claim in tqdm(claims.items(), desc="Judging texts", unit="text", leave=False, disable=None):
        true = set(with_words.get(normalized(text), ()))
        if claim is not None and with_events:
            candidates = set.intersection(with_events, *(with_label[label] for label in parse(claim).labels()))
            true |= {n for n in candidates if is_true_of(text, claim, facts[n], (Truth.TRUE, Truth.UNCLEAR))}
        for number in true:
            found[number].add(text)
    return [texts - set(_false(clip)) for texts, clip in zip(found, clips, strict=True)]


def _claimed(clip: Clip) -> Iterable[tuple[str, str | None]]:
    """The texts about a clip that models are asked about, with their claims."""
    yield from zip(clip.captions, clip.claims or (None,) * len(clip.captions), strict=True)
    yield from ((negative.text, negative.claim) for negative in clip.negatives)


def _false(clip: Clip) -> tuple[str, ...]:
    return tuple(dict.fromkeys(negative.text for negative in clip.negatives))


def _flaws(clips: Sequence[Clip], folder: Path, listed: Quarantine) -> list[str | None]:
    """Why each clip cannot be used; None where it can."""
    flaws = [
        "in quarantine" if clip.id in listed.clips else "without a caption" if not clip.captions else
        "without a sound" if clip.audio is None else None
        for clip in clips
    ]  # fmt: skip
    sounds = [folder / clip.audio for clip, flaw in zip(clips, flaws, strict=True) if flaw is None and clip.audio]
    of_sounds = iter(flaws_of(sounds))
    return [flaw if flaw is not None else next(of_sounds) for flaw in flaws]
