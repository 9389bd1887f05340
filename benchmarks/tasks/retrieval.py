"""retrieval: find the clip of a text among many clips, and the texts of a clip among many texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.text_leak import Texts, leak_metrics
from benchmarks.items import Item, Scores
from benchmarks.metrics.intervals import interval
from benchmarks.metrics.resampling import resampled_mean, resampled_median
from benchmarks.metrics.retrieval import (
    CUTOFF,
    Answers,
    audio_to_text_ranks,
    average_precision,
    median_chance,
    precision_chance,
    recall_chance,
    text_to_audio_ranks,
)
from benchmarks.results.result import Result, metric
from benchmarks.results.schema import Metric
from benchmarks.scorer import Scorer, checked
from benchmarks.tasks.captioned import captioned_items, composed_items
from benchmarks.tasks.task import TaskInputs, TestSet

PLACES = (1, 5, 10)
ORDER = ("r1", f"map{CUTOFF}", "r10", "r5", "median_rank")
"""The metrics of each direction, the most important first."""
DIRECTIONS = ("text_to_audio", "audio_to_text")
DISTRACTORS = "_distractors"
"""Suffix of metrics in which the false texts of all clips compete with the captions."""
CONVENTION = (
    "text_to_audio: every caption is a query and its clip the answer. audio_to_text: every clip is a query, R@k and "
    f"median rank use its best caption, mAP@{CUTOFF} all its captions. Equal captions are one text, correct for each "
    "of their clips; a text known to be true of another clip is excluded from the ranking of that clip. Ties rank last."
)
NEEDS = "nothing (scenes of built-in sounds), or --data manifest.jsonl, or --events DIR|CSV"


@dataclass(frozen=True)
class RetrievalSet(TestSet):
    """Clips and texts, and which belong together.

    Attributes:
        texts: The captions, then the false texts of all clips, each once.
        answers: Among the captions only.
        harder: Among all texts; None if there are no false ones.
    """

    texts: Sequence[str] = ()
    answers: Answers = field(default_factory=lambda: Answers(0, (), ()))
    harder: Answers | None = None


@dataclass(frozen=True)
class Retrieval:
    """The task: one group of all clips and all texts."""

    name: str = "retrieval"
    version: int = 1
    measures: str = "Finds the clip of a caption and the captions of a clip, among all of a set"
    needs: str = NEEDS
    needs_model: ClassVar[type] = Scorer

    def prepare(self, inputs: TaskInputs, limit: int | None = None) -> RetrievalSet:
        """Reads a manifest, or composes scenes, and collects its texts."""
        given = composed_items(inputs, limit) if inputs.data is None else captioned_items(inputs.data, limit)
        items = given.items
        if len(items) < 2:
            raise ValueError(f"{self.name} needs at least 2 usable clips; {given.data['name']} has {len(items)}")
        captions = dict.fromkeys(caption for item in items for caption in item.captions)
        false = dict.fromkeys(text for item in given.false for text in item if text not in captions)
        texts = [*captions, *false]
        numbers = {text: number for number, text in enumerate(texts)}
        own = [[numbers[caption] for caption in dict.fromkeys(item.captions)] for item in items]
        known = [
            sorted({numbers[text] for text in also} - set(mine))
            for also, mine in zip(given.also_true, own, strict=True)
        ]
        among = [[number for number in also if number < len(captions)] for also in known]
        data = given.data | {"convention": CONVENTION, "captions": len(captions), "distractors": len(false)}
        leaks = leak_metrics(
            [Texts(item.captions, false, item.sources) for item, false in zip(items, given.false, strict=True)],
            accuracy=True,
        )
        return RetrievalSet(
            items,
            data,
            leaks,
            texts=texts,
            answers=Answers(len(captions), own, among),
            harder=Answers(len(texts), own, known) if false else None,
        )

    def run(self, model: Scorer, name: str, /, test_set: TestSet, seed: int) -> Result:
        """Scores all clips with all texts in one call and ranks them; see `Task`."""
        assert isinstance(test_set, RetrievalSet)
        items = test_set.items
        group = ([item.audio[0] for item in items], test_set.texts)
        (scores,) = checked(model.score([group]), [group], name, [self.name])
        metrics, ranks = _measured(scores, test_set.answers, items)
        records = [_record(item) for item in items]
        if test_set.harder is not None:
            harder, harder_ranks = _measured(scores, test_set.harder, items, both_ways=False)
            metrics |= {metric_name + DISTRACTORS: value for metric_name, value in harder.items()}
            for record, rank in zip(records, harder_ranks.audio_to_text, strict=True):
                record["ranks" + DISTRACTORS] = rank.tolist()
        for record, places, place in zip(records, ranks.by_clip(test_set.answers), ranks.audio_to_text, strict=True):
            record["ranks"] = {"text_to_audio": places, "audio_to_text": place.tolist()}
        return test_set.result(self, name, seed, metrics, records)


TASK = Retrieval()


@dataclass(frozen=True)
class _Ranks:
    text_to_audio: NDArray[np.int64]
    audio_to_text: list[NDArray[np.int64]]

    def by_clip(self, answers: Answers) -> list[list[int]]:
        """For each clip, the ranks that its captions give it."""
        ends = np.cumsum([len(own) for own in answers.own])[:-1]
        return [places.tolist() for places in np.split(self.text_to_audio, ends)]


def _measured(
    scores: Scores, answers: Answers, items: Sequence[Item], both_ways: bool = True
) -> tuple[dict[str, Metric], _Ranks]:
    """The metrics of both directions, or of audio to text only, and the ranks."""
    sources = [item.sources for item in items]
    clips, texts = answers.queries
    by_audio = audio_to_text_ranks(scores, answers)
    by_text = text_to_audio_ranks(scores, answers) if both_ways else np.zeros(0, np.int64)
    metrics: dict[str, Metric] = {}
    if both_ways:
        num_clips = len(items) - np.array([len(answers.clips_of[text]) - 1 for text in texts.tolist()])
        queries = _Queries(
            best=by_text,
            precision=average_precision(list(by_text[:, None])),
            num_right=np.ones(len(texts), np.int64),
            num_all=num_clips,
            sources=[sources[clip] for clip in clips.tolist()],
        )
        metrics |= {f"text_to_audio_{name}": measured for name, measured in queries.metrics().items()}
    num_texts = answers.num_texts - np.array([len(known) for known in answers.known])
    num_right = np.array([len(own) for own in answers.own])
    best = np.array([ranks[0] for ranks in by_audio])
    queries = _Queries(best, average_precision(by_audio), num_right, num_texts, sources)
    metrics |= {f"audio_to_text_{name}": measured for name, measured in queries.metrics().items()}
    names = (f"{direction}_{name}" for name in ORDER for direction in DIRECTIONS)
    metrics = {name: metrics[name] for name in names if name in metrics}
    return metrics, _Ranks(by_text, by_audio)


@dataclass(frozen=True)
class _Queries:
    """The queries of one direction: best rank, average precision, number of correct answers and of candidates."""

    best: NDArray[np.int64]
    precision: NDArray[np.float64]
    num_right: NDArray[np.int64]
    num_all: NDArray[np.int64]
    sources: Sequence[Sequence[str]]

    def metrics(self) -> dict[str, Metric]:
        clusters = ["\x1f".join(sorted(set(source))) for source in self.sources]
        found: dict[str, Metric] = {}
        for k in PLACES:
            within = self.best <= k
            of_fraction = interval(within, self.sources)
            found[f"r{k}"] = metric(within.mean(), of_fraction, recall_chance(self.num_right, self.num_all, k))
        mean, by_chance = self.precision.mean(), precision_chance(self.num_right, self.num_all)
        found[f"map{CUTOFF}"] = metric(mean, resampled_mean(self.precision, clusters), by_chance)
        median, by_chance = np.median(self.best), median_chance(self.num_right, self.num_all)
        found["median_rank"] = metric(median, resampled_median(self.best, clusters), by_chance)
        return {name: found[name] for name in ORDER}


def _record(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "audio": [item.id],
        "captions": item.captions,
        "labels": item.labels,
        "recordings": item.recordings,
        "sources": item.sources,
    }
