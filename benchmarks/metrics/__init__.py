"""Metrics as pure functions of score matrices, their exact chance values, and intervals. Needs numpy alone."""

# fmt: off
from benchmarks.metrics.classification import (
    average_precision_chance,
    balanced_accuracy,
    hits,
    mean_average_precision,
    ranks,
)
from benchmarks.metrics.intervals import Interval, bootstrap, interval, variance_of_mean, wilson
from benchmarks.metrics.paired import Difference, mcnemar, paired_difference
from benchmarks.metrics.pairs import (
    METRICS,
    PAIR_CHANCE,
    TRIPLET_CHANCE,
    auc,
    chance,
    margins,
    mean_chance,
    outcomes,
    paraphrase_chance,
    paraphrased,
    placements,
)
from benchmarks.metrics.resampling import jackknife, resampled_mean, resampled_median
from benchmarks.metrics.retrieval import (
    Answers,
    audio_to_text_ranks,
    average_precision,
    median_chance,
    precision_chance,
    recall_chance,
    text_to_audio_ranks,
)

__all__ = [
    "METRICS", "PAIR_CHANCE", "TRIPLET_CHANCE", "Answers", "Difference", "Interval", "auc", "audio_to_text_ranks",
    "average_precision", "average_precision_chance", "balanced_accuracy", "bootstrap", "chance", "hits", "interval",
    "jackknife", "margins", "mcnemar", "mean_average_precision", "mean_chance", "median_chance", "outcomes",
    "paired_difference", "paraphrase_chance", "paraphrased", "placements", "precision_chance", "ranks",
    "recall_chance", "resampled_mean", "resampled_median", "text_to_audio_ranks", "variance_of_mean", "wilson",
]
