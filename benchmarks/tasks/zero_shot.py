"""zero-shot: classify sounds by the label whose sentences match a clip best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.items import Item, Scores
from benchmarks.metrics.classification import (
    average_precision_chance,
    balanced_accuracy,
    hits,
    mean_average_precision,
    ranks,
)
from benchmarks.metrics.intervals import interval
from benchmarks.metrics.resampling import jackknife
from benchmarks.results.result import Result, metric
from benchmarks.results.schema import Metric
from benchmarks.scorer import Scorer, checked
from benchmarks.tasks.labelled import bank_items, labelled_items, read_label_set, read_templates
from benchmarks.tasks.task import TaskInputs, TestSet

TEMPLATES = ("This is a sound of {}.",)


@dataclass(frozen=True)
class ZeroShotSet(TestSet):
    """Sounds, labels, and sentences.

    Attributes:
        labels: The labels to choose from.
        prompts: Every sentence once.
        of_label: The numbers of each label's sentences, shape (labels, templates).
        is_true: Shape (items, labels).
    """

    labels: Sequence[str] = ()
    prompts: Sequence[str] = ()
    of_label: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    is_true: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), bool))


@dataclass(frozen=True)
class ZeroShot:
    """The task: one group of all sounds and all sentences. A label's score is the mean over its sentences."""

    name: str = "zero-shot"
    version: int = 1
    measures: str = "Classifies sounds by labels that the model was not trained to choose from"
    needs: str = (
        "nothing (built-in sounds), or --data DIR|CSV with file,label, or --events DIR|CSV; "
        "optionally --labels JSON and --templates JSON"
    )
    needs_model: ClassVar[type] = Scorer

    def prepare(self, inputs: TaskInputs, limit: int | None = None) -> ZeroShotSet:
        """Reads sounds and labels and makes the sentences."""
        label_set = read_label_set(inputs.labels) if inputs.labels else None
        templates = read_templates(inputs.templates) if inputs.templates else list(TEMPLATES)
        if inputs.data is None:
            if label_set is not None:
                raise ValueError("--labels needs --data: an event bank has its own labels")
            given = bank_items(inputs, limit)
        else:
            given = labelled_items(inputs.data, label_set, limit)
        if len(given.labels) < 2 or not given.items:
            raise ValueError(
                f"{self.name} needs usable files of at least 2 labels; "
                f"{given.data['name']} has {len(given.items)} files and {len(given.labels)} labels"
            )
        sentences = [[template.replace("{}", label) for template in templates] for label in given.labels]
        prompts = {text: number for number, text in enumerate(dict.fromkeys(text for row in sentences for text in row))}
        column = {label: number for number, label in enumerate(given.labels)}
        is_true = np.zeros((len(given.items), len(column)), bool)
        for row, item in zip(is_true, given.items, strict=True):
            row[[column[label] for label in item.labels]] = True
        items = [
            replace(item, captions=tuple(sentences[column[label]][0] for label in item.labels)) for item in given.items
        ]
        data = given.data | {"labels": len(column), "templates": templates}
        of_label = np.array([[prompts[text] for text in row] for row in sentences])
        return ZeroShotSet(items, data, labels=given.labels, prompts=list(prompts), of_label=of_label, is_true=is_true)

    def run(self, model: Scorer, name: str, /, test_set: TestSet, seed: int) -> Result:
        """Scores all sounds with all sentences in one call, so that every sentence is embedded once; see `Task`."""
        assert isinstance(test_set, ZeroShotSet)
        group = ([item.audio[0] for item in test_set.items], test_set.prompts)
        (of_prompts,) = checked(model.score([group]), [group], name, [self.name])
        scores = of_prompts[:, test_set.of_label].mean(axis=2)
        return test_set.result(self, name, seed, _metrics(scores, test_set), _records(scores, test_set))


TASK = ZeroShot()


def _metrics(scores: Scores, test_set: ZeroShotSet) -> dict[str, Metric]:
    """Accuracy and balanced accuracy if every sound has one label; mean average precision always."""
    is_true, sources = test_set.is_true, [item.sources for item in test_set.items]
    num_items, num_labels = is_true.shape
    metrics: dict[str, Metric] = {}
    if (is_true.sum(axis=1) == 1).all():
        labels = is_true.argmax(axis=1)
        won = hits(scores, labels)
        balanced = balanced_accuracy(won, labels)
        spread = jackknife(balanced.value, balanced.influence, sources)
        metrics["accuracy"] = metric(won.mean(), interval(won, sources), 1 / num_labels)
        metrics["balanced_accuracy"] = metric(balanced.value, spread, 1 / num_labels)
    ranked = mean_average_precision(scores, is_true)
    counts = is_true.sum(axis=0)
    chance = np.mean([average_precision_chance(count, num_items) for count in counts[counts > 0].tolist()])
    over_clips = jackknife(ranked.value, ranked.influence, sources)
    over_labels = jackknife(ranked.value, ranked.of_labels, [[] for _ in ranked.of_labels], what="labels")
    # with few recordings per label, the variation over labels is the better estimate
    metrics["map"] = metric(ranked.value, max(over_clips, over_labels, key=lambda i: i.high - i.low), float(chance))
    return metrics


def _records(scores: Scores, test_set: ZeroShotSet) -> list[dict[str, Any]]:
    best = scores.argmax(axis=1)
    places = [ranks(scores, np.full(len(scores), label)) for label in range(len(test_set.labels))]
    return [
        _record(item, test_set.labels[best[row]], [int(places[label][row]) for label in np.flatnonzero(true)])
        for row, (item, true) in enumerate(zip(test_set.items, test_set.is_true, strict=True))
    ]


def _record(item: Item, predicted: str, places: Sequence[int]) -> dict[str, Any]:
    return {
        "id": item.id,
        "audio": [item.id],
        "labels": item.labels,
        "recordings": item.recordings,
        "sources": item.sources,
        "predicted": predicted,
        "ranks": places,
        "correct": {"accuracy": places == [1]},
    }
