"""The form of a result file: the one place that says which keys it has and which values are legal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import (
    Annotated,
    Any,
    NotRequired,  # pydantic refuses those of typing before Python 3.12
)

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from compa.utils.text import did_you_mean

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
_CLOSED = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
_OPEN = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


@with_config(_OPEN)
class Metric(TypedDict):
    """A value with its 95 % interval from `low` to `high`, how that was computed, and the exact value of chance."""

    value: float
    low: float
    high: float
    chance: float
    method: Text


@with_config(_OPEN)
class Data(TypedDict):
    """What was measured on."""

    name: NotRequired[str]
    fingerprint: Text  # changes with the items
    found: Count  # items that were measured
    expected: Count  # items when nothing is missing or left out
    warnings: NotRequired[list[Text]]  # sentences about what makes the scores doubtful


@with_config(_OPEN)
class ItemRecord(TypedDict):
    """What happened with one item."""

    id: Text
    audio: NotRequired[list[str]]  # ids, not paths
    captions: NotRequired[list[str]]
    labels: NotRequired[list[str]]
    recordings: NotRequired[list[str]]
    sources: NotRequired[list[str]]
    kind: NotRequired[str | None]
    scores: NotRequired[list[list[float]]]  # audios in rows, texts in columns
    correct: NotRequired[dict[str, bool | float]]  # what the item won, by metric


@with_config(_CLOSED)
class Record(TypedDict):
    """A result file; `Result` explains the keys."""

    model: Text
    task: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    task_version: Count
    data: Data
    seed: int
    code_version: str
    metrics: dict[str, Metric]
    items: list[ItemRecord]
    run: NotRequired[dict[str, Any]]


_RECORD = TypeAdapter(Record)


def parse(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Reads a result file and checks its form.

    Returns:
        The record, and a sentence for each thing that is wrong with it.

    Raises:
        ValueError: If the file is not JSON.
    """
    record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    try:
        _RECORD.validate_python(record)
    except ValidationError as error:
        return record, [_sentence(dict(one)) for one in error.errors(include_url=False)]
    return record, []


def _sentence(error: dict[str, Any]) -> str:
    *parents, last = error["loc"] or ("",)
    if error["type"] == "extra_forbidden":
        return f"{_place(parents)}: unknown key {last!r}{did_you_mean(str(last), Record.__annotations__)}"
    if error["type"] == "missing":
        return f"{_place(parents)}: the key {last!r} is missing"
    shown = repr(error["input"])
    return f"{_place(error['loc'])}: {error['msg']}; got {shown if len(shown) <= 100 else f'{shown[:97]}...'}"


def _place(location: Any) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "the record"


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")
