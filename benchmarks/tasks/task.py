"""What a task is, what it receives from the user, and the test set that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import compa
from benchmarks.items import Item
from benchmarks.results.result import Result
from benchmarks.results.schema import Metric

if TYPE_CHECKING:
    from compa.scenes.banks.bank import EventBank


@dataclass(frozen=True)
class TaskInputs:
    """What the user provides to be measured on; each task uses what it needs.

    Attributes:
        events: Recordings of isolated sounds, as `compa.scenes.banks.open.open_bank` takes them; None is the built-in
            synthesizer.
        data: Files of a benchmark, a manifest, or labelled audio.
        labels: JSON file with the labels of a classification.
        templates: JSON file with the sentences into which labels are put.
    """

    events: EventBank | str | None = None
    data: Path | None = None
    labels: Path | None = None
    templates: Path | None = None

    @cached_property
    def bank(self) -> EventBank:
        """The isolated sounds, opened at first use, which takes seconds."""
        if self.events is not None and not isinstance(self.events, str):
            return self.events
        from compa.scenes.banks.open import open_bank

        return open_bank(self.events)

    @property
    def bank_in_use(self) -> EventBank | None:
        """The isolated sounds if a task has used them."""
        return self.__dict__.get("bank")


@dataclass(frozen=True)
class TestSet:
    """The items of a task, made once for all models.

    Attributes:
        items: The questions.
        data: What results record about the set: `name`, `fingerprint`, `found`, `expected`, and perhaps `warnings`.
        metrics: Measured on the items themselves, whatever the model.
        kept: Anything that has to live as long as the items, such as a temporary folder.
    """

    __test__ = False  # pytest collects classes named Test*

    items: Sequence[Item]
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    kept: object = None

    def result(
        self, task: Task, model: str, seed: int, metrics: Mapping[str, Metric], items: Sequence[Mapping[str, Any]]
    ) -> Result:
        """The result of a model on these items, with the metrics of the items themselves."""
        return Result(
            model=model,
            task=task.name,
            task_version=task.version,
            data=self.data,
            seed=seed,
            code_version=compa.__version__,
            metrics={**metrics, **self.metrics},
            items=items,
        )


class Task(Protocol):
    """Something to measure. A module in `benchmarks.tasks` with a `TASK` of this form is found by its name."""

    @property
    def name(self) -> str:
        """The name that users type."""
        ...

    @property
    def version(self) -> int:
        """Rises whenever scores stop being comparable."""
        ...

    @property
    def measures(self) -> str:
        """What a high score means, in one sentence."""
        ...

    @property
    def needs(self) -> str:
        """What the user has to provide."""
        ...

    @property
    def needs_model(self) -> type:
        """The protocol of `benchmarks.scorer` that a model is opened as."""
        ...

    def prepare(self, inputs: TaskInputs, /, limit: int | None = None) -> TestSet:
        """Makes the items, or the first `limit` of them."""
        ...

    def run(self, model: Any, name: str, /, test_set: TestSet, seed: int) -> Result:
        """Measures a model.

        Args:
            model: An implementation of `needs_model`.
            name: Its name in the result.
            test_set: From `prepare`.
            seed: Recorded in the result.
        """
        ...
