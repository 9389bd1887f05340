"""Statistics of a manifest, counted in one pass, so that a manifest of any size fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from compa.manifest import Clip


@dataclass
class ManifestStats:
    """Counts over the clips of a manifest.

    Attributes:
        num_clips: How many there are.
        without_length: Clips whose length is unknown, by the reason.
        seconds: Length of each of the others.
        captions_per_clip: How many clips have so many captions.
        words_per_caption: How many captions have so many words.
        words: How often each word occurs in captions.
        labels: How many clips have an event of the label.
        splits: Clips by split.
        negatives: Negatives by kind.
        positives: Positives by level.
        num_twins: Clips that are another one's minimal edit.
    """

    num_clips: int = 0
    without_length: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    captions_per_clip: Counter[int] = field(default_factory=Counter)
    words_per_caption: Counter[int] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    negatives: Counter[str] = field(default_factory=Counter)
    positives: Counter[str] = field(default_factory=Counter)
    num_twins: int = 0

    def add(self, clip: Clip, seconds: float | str) -> None:
        """Counts a clip; `seconds` is its length, or the reason why that is unknown."""
        self.num_clips += 1
        if isinstance(seconds, str):
            self.without_length[seconds] += 1
        else:
            self.seconds.append(seconds)
        self.captions_per_clip[len(clip.captions)] += 1
        for caption in clip.captions:
            words = caption.lower().split()
            self.words_per_caption[len(words)] += 1
            self.words.update(word.strip(".,;:!?\"'()") for word in words)
        self.labels.update({event.label for event in clip.events})
        self.splits[clip.split or "none"] += 1
        self.negatives.update(negative.kind for negative in clip.negatives)
        self.positives.update(positive.level for positive in clip.positives)
        self.num_twins += clip.twin is not None

    def table(self, num_top: int = 10) -> str:
        """The counts as text, the most frequent labels and words among them."""
        captions = self.captions_per_clip
        num_captions = sum(number * clips for number, clips in captions.items())
        rows = [("clips", f"{self.num_clips:,}"), *_fractions("split", self.splits, self.num_clips)]
        rows += [(reason, f"{count:,}") for reason, count in self.without_length.most_common()]
        if self.seconds:
            rows.append(("hours", f"{sum(self.seconds) / 3600:,.2f}"))
            rows.append(("seconds a clip", _spread(Counter(self.seconds), ".2f")))
        rows.append(("captions", f"{num_captions:,}"))
        if num_captions:
            rows.append(("captions a clip", _spread(captions, "g")))
            rows.append(("words a caption", _spread(self.words_per_caption, "g")))
            rows.append(("different words", f"{len(self.words):,}"))
            rows.append(("frequent words", _top(self.words, num_top)))
        rows.append(("labels", f"{len(self.labels):,}"))
        if self.labels:
            rows.append(("frequent labels", _top(self.labels, num_top)))
        rows.append(("negatives", f"{self.negatives.total():,}"))
        rows += _fractions("negatives", self.negatives, self.negatives.total())
        rows.append(("positives", f"{self.positives.total():,}"))
        rows += _fractions("positives", self.positives, self.positives.total())
        if self.num_twins:
            rows.append(("twins", f"{self.num_twins:,}"))
        return "\n".join(f"{name:18} {value}" for name, value in rows)


def quantile(counts: Counter[Any], fraction: float) -> Any:
    """The smallest value that at least this fraction of the counted things does not exceed.

    Example:
        >>> quantile(Counter([1, 2, 3, 10]), 0.5)
        2
    """
    reached, needed = 0, fraction * counts.total()
    for value in sorted(counts):
        reached += counts[value]
        if reached >= needed:
            break
    return value


def _spread(counts: Counter[Any], form: str) -> str:
    low, middle, high = (format(quantile(counts, fraction), form) for fraction in (0.0, 0.5, 1.0))
    return low if low == high else f"{low} to {high}, median {middle}"


def _top(counts: Counter[str], num: int) -> str:
    shown = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(num))
    return f"{shown}, ..." if len(counts) > num else shown


def _fractions(title: str, counts: Counter[str], total: int) -> Iterable[tuple[str, str]]:
    if len(counts) > 1 or title != "split":
        for name, count in counts.most_common():
            yield f"  {name}", f"{count:,} ({count / max(total, 1):.1%})"
