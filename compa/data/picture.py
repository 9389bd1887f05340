"""A picture of the statistics of a manifest: lengths, words, labels and negatives."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compa.data.manifest_stats import ManifestStats

NUM_TOP = 15
"""How many of the most frequent labels (or words, where there are no labels) are shown."""


def save_picture(stats: ManifestStats, path: Path, title: str) -> None:
    """Draws four panels into an image file, whose suffix says its format.

    Raises:
        ValueError: If the format is unknown.
    """
    figure = Figure(figsize=(11, 8), layout="constrained")
    figure.suptitle(_plain(title))
    lengths, words, names, kinds = figure.subplots(2, 2).flat
    _histogram(lengths, np.asarray(stats.seconds), "seconds a clip")
    number = stats.words_per_caption
    _histogram(words, np.repeat(np.fromiter(number, float), list(number.values())), "words a caption", width=1.0)
    by_name = stats.labels or stats.words
    _bars(names, by_name, "frequent labels, clips" if stats.labels else "frequent words")
    _bars(kinds, stats.negatives, "negatives by kind")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _histogram(
    axes: Axes, values: np.ndarray[tuple[int], np.dtype[np.float64]], title: str, width: float | None = None
) -> None:
    """Draws how often values occur, in bars of a width or 40 of them; the highest 1 % are in the last bar."""
    axes.set_title(title)
    if len(values) == 0:
        _nothing(axes)
        return
    top = float(np.quantile(values, 0.99)) or 1.0
    bins = 40 if width is None else list(np.arange(0.5, top + 1.0) * width)
    axes.hist(np.minimum(values, top), bins=bins, color="#4477aa")
    axes.set_ylabel("number (the last bar has the highest 1 %)" if values.max() > top else "number")


def _bars(axes: Axes, counts: Counter[str], title: str) -> None:
    axes.set_title(title)
    if not counts:
        _nothing(axes)
        return
    shown = counts.most_common(NUM_TOP)[::-1]
    axes.barh(
        [_plain(name if len(name) <= 30 else f"{name[:29]}…") for name, _ in shown],
        [n for _, n in shown],
        color="#ee6677",
    )


def _nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, "none", ha="center", va="center", transform=axes.transAxes, color="grey")
    axes.set_axis_off()


def _plain(text: str) -> str:
    """A text in which matplotlib sees no formula."""
    return text.replace("$", r"\$")
