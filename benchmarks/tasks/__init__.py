"""One benchmark task a file. A module here that has a `TASK` is found by its name, no list to edit."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import compa
from benchmarks.models.names import unknown

if TYPE_CHECKING:
    from benchmarks.results.result import Result
    from benchmarks.scorer import Audio, Scorer
    from compa.manifest import Event
    from compa.scenes.banks.bank import EventBank


Metrics: TypeAlias = Mapping[str, Mapping[str, Any]]
"""By name the value, its interval and method, and the chance, as results have them."""


@dataclass(frozen=True)
class Credit:
    """Whom a sound in an item comes from, as far as its bank knows."""

    label: str
    recording: str
    source: str | None = None
    author: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Item:
    """One question to a model: n audios and n texts, text i true of audio i only.

    Attributes:
        id: Unique within the task.
        audio: What is heard, one file or waveform each.
        captions: The texts.
        labels: What sounds in it.
        recordings: What the audio was made of.
        sources: What the recordings were taken from (themselves where unknown): sharing one makes dependent.
        events: Who sounds when in each audio, where known.
        credits: Whom the recordings come from.
        kind: What the question is about, where a task asks about several things.
        paraphrases: What says the same as each of the captions, in other words; none, or one a caption.
    """

    id: str
    audio: tuple[Audio, ...]
    captions: tuple[str, ...]
    labels: tuple[str, ...]
    recordings: tuple[str, ...]
    sources: tuple[str, ...]
    events: tuple[tuple[Event, ...], ...] = ()
    credits: tuple[Credit, ...] = ()
    kind: str | None = None
    paraphrases: tuple[str, ...] = ()

    @property
    def audio_ids(self) -> tuple[str, ...]:
        """What results call the audios."""
        return tuple(f"{self.id}-{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"[: len(self.audio)])


@dataclass(frozen=True)
class Material:
    """What a user brings to be measured on; a task takes what it needs of it.

    Attributes:
        events: Isolated sounds: what `compa.scenes.banks.open.open_bank` takes; None is the built-in ones.
        data: Files of a benchmark, a manifest, or labelled audio.
        labels: JSON of the labels of a classification.
        templates: JSON of the sentences that labels are put into.
    """

    events: EventBank | str | None = None
    data: Path | None = None
    labels: Path | None = None
    templates: Path | None = None

    @cached_property
    def bank(self) -> EventBank:
        """The isolated sounds, opened on first use: decoding or synthesising takes seconds."""
        if self.events is not None and not isinstance(self.events, str):
            return self.events
        from compa.scenes.banks.open import open_bank

        return open_bank(self.events)

    @property
    def bank_in_use(self) -> EventBank | None:
        """The isolated sounds, where some task has needed them."""
        return self.__dict__.get("bank")


@dataclass(frozen=True)
class TestSet:
    """The items of a task, made once and put to many models.

    Attributes:
        items: The questions.
        data: What results say of it: `name`, `fingerprint`, `found`, `expected`, and `warnings` where there are any.
        metrics: What is measured of the items themselves, whatever the model.
        kept: What has to live as long as the items, such as a folder of unpacked files.
    """

    __test__ = False  # for pytest, which takes the name for one of its own

    items: Sequence[Item]
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    kept: object = None

    def result(self, task: Task, model: str, seed: int, metrics: Metrics, items: Sequence[Mapping[str, Any]]) -> Result:
        """What a model scored on these items, with what is measured of the items themselves."""
        from benchmarks.results.result import Result

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
    """Something to measure."""

    @property
    def name(self) -> str:
        """What users call it."""
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
        """What a user has to bring."""
        ...

    def prepare(self, material: Material, limit: int | None = None) -> TestSet:
        """Makes the items, or only the first few."""
        ...

    def run(self, scorer: Scorer, model: str, test_set: TestSet, seed: int) -> Result:
        """Puts the items to a model and says what it scored."""
        ...


@lru_cache(maxsize=1)
def _registry() -> dict[str, Task]:
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    tasks: list[Task] = [module.TASK for module in modules if hasattr(module, "TASK")]
    return {task.name: task for task in sorted(tasks, key=lambda task: task.name)}


def tasks() -> dict[str, Task]:
    """All tasks by name."""
    return dict(_registry())


def find_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: If there is none; lists the ones there are.
    """
    try:
        return _registry()[name]
    except KeyError:
        raise unknown("task", name, _registry()) from None
