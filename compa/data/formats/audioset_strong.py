"""AudioSet-Strong, and TSVs like it: events with onset and offset become captions that are true of them."""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from compa.data.audio_folder import AudioFolder, add_audio_option, youtube_stems, youtube_url
from compa.data.formats import Items
from compa.manifest import Clip, Event, escape_id
from compa.utils.arguments import add_seed, positive_int
from compa.utils.text_rows import RowError

ABOUT = "TSVs of strong labels (file, label, onset, offset), as AudioSet-Strong's; --audio DIR has the clips"
HAS = ("{all} can be heard", "the sound of {all}", "a recording of {all}", "{all}")
THEN = (
    "{a}, then {b}",
    "{a} followed by {b}",
    "{a} before {b}",
    "after {a}, {b}",
    "{b} after {a}",
    "{b} following {a}",
)
WHILE = ("{a} while {b} can be heard", "{a} and {b} at the same time", "{a} during {b}", "both {a} and {b} at once")
"""Templates that stay true of a clip with more events than the caption mentions."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio`, `--names`, `--captions` and `--seed`."""
    add_audio_option(parser, "none, captions only")
    parser.add_argument(
        "--names",
        type=Path,
        metavar="FILE",
        help="names of label ids: mid_to_display_name.tsv or AudioSet's ontology.json (default: one beside SOURCE)",
    )
    parser.add_argument("--captions", type=positive_int, default=3, metavar="N", help="captions a clip, at most")
    add_seed(parser, "chooses claims and words")


def read(source: str, audio: Path | None = None, names: Path | None = None, captions: int = 3, seed: int = 0) -> Items:
    """Yields a clip a file, with its events, captions and the claims that the captions make."""
    from compa.scenes.banks.strong_labels import parse_segment, read_names, read_strong_labels

    folder = AudioFolder(audio)
    for item in read_strong_labels(Path(source), read_names(names) if names else None):
        if isinstance(item, RowError):
            yield item
            continue
        segment = parse_segment(item.name)
        stem = item.name if segment else str(Path(item.name).with_suffix(""))
        try:
            path = folder.find(*((stem, *youtube_stems(*segment)) if segment else (Path(stem).name,)))
        except ValueError as error:
            yield RowError(item.name, str(error))
            continue
        rng = random.Random(f"{seed} {item.name}")
        texts = true_captions(item.events, captions, rng)
        yield Clip(
            escape_id(stem),
            path,
            tuple(text for text, _ in texts),
            claims=tuple(claim for _, claim in texts),
            events=item.events,
            source=youtube_url(segment[0]) if segment else None,
        )


def true_captions(events: Sequence[Event], num: int, rng: random.Random) -> list[tuple[str, str]]:
    """Captions of a timeline with their claims, each judged true of it: what sounds, then what during or after what.

    An order is claimed only of labels that do not come the other way round, too.

    Args:
        events: The timeline.
        num: How many at most; there may be fewer.
        rng: Chooses among claims, words and orders of mention.
    """
    from compa.scenes.claims import All, Has, Then, Truth, While

    labels = sorted({event.label for event in events})
    rng.shuffle(labels)
    parts = tuple(Has(label) for label in labels)
    mention = parts[0] if len(parts) == 1 else All(parts)
    captions = [(rng.choice(HAS).format(all=_listed(labels)), str(mention))]
    pairs = list(permutations(labels, 2))
    rng.shuffle(pairs)
    for first, second in pairs:
        then, back, both = Then(first, second), Then(second, first), While(first, second)
        if then.judge(events) is Truth.TRUE and back.judge(events) is Truth.FALSE:
            captions.append((rng.choice(THEN).format(a=first, b=second), str(then)))
        elif first < second and both.judge(events) is Truth.TRUE:
            a, b = rng.sample((first, second), 2)
            captions.append((rng.choice(WHILE).format(a=a, b=b), str(both)))
    return captions[:num]


def _listed(labels: Sequence[str]) -> str:
    return f"{', '.join(labels[:-1])} and {labels[-1]}" if len(labels) > 1 else labels[0]
