"""What a task sees of a model: a `Scorer`, which says how well texts fit audios."""

from __future__ import annotations

import importlib
import reprlib
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.checks.held_out import run_folder
from benchmarks.items import Audio, Group, Scores
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.embedding_cache import EmbeddingCache
from benchmarks.models.names import did_you_mean, unknown

if TYPE_CHECKING:
    from benchmarks.tasks import Item
    from compa.models.encoders.audio import Pad

__all__ = ["Audio", "EmbeddingScorer", "Group", "Scorer", "Scores", "Told", "checked", "model_name", "open_scorer"]

CONTROL = "control:"
HUB = "hf:"
MTEB = "mteb:"
PYTHON = "python:"
MODELS = "a run folder, one of its checkpoints, hf:NAME, mteb:NAME, python:MODULE:FACTORY"


@runtime_checkable
class Scorer(Protocol):
    """Anything that can say how well texts fit audios: an embedding model, a generative one, a rule."""

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Scores every audio with every text of its group, all groups in one call.

        Args:
            groups: Audios and texts; a pair item is one group of 2 and 2, retrieval is one group of all.

        Returns:
            One array of shape (audios, texts) a group; higher is better.
        """
        ...


@runtime_checkable
class Told(Protocol):
    """A control whose rule needs what is known of the items: it is told before it is asked. No model ever is."""

    def tell(self, items: Sequence[Item]) -> None:
        """Takes the items that it will be asked about."""
        ...


def open_scorer(
    name: str,
    seed: int = 0,
    devices: Sequence[str] = (),
    cache: EmbeddingCache | None = None,
    pad: Pad | None = None,
) -> Scorer:
    """Opens a model by the name that a user gives it.

    Args:
        name: A run folder or one of its checkpoints, `hf:<name>` (a CLAP checkpoint of transformers, as a folder or
            on the hub), `mteb:<name>` (an audio model of MTEB), `control:<name>`, or `python:<module>:<factory>` (a
            function without arguments that gives a `Scorer`, or what embeds as `Embeds` says).
        seed: Of the controls that draw.
        devices: Where a model runs, such as `cpu` or `cuda:1`, one copy each; by default a GPU where there is one.
        cache: Where embeddings are kept; by default in memory.
        pad: How checkpoints fill up short clips, as `compa.load` takes it; by default their own way.

    Raises:
        ValueError: If there is no such model or device; names the legal ones.
    """
    from benchmarks.models.controls import CONTROLS

    if name.startswith(CONTROL):
        control = name.removeprefix(CONTROL)
        if control not in CONTROLS:
            raise unknown("model", name, (CONTROL + known for known in CONTROLS))
        return CONTROLS[control](seed)
    if name.startswith(PYTHON):
        return _users_own(name, cache)
    if name.startswith(MTEB):
        from benchmarks.models.mteb import MTEBEmbedder

        _check(devices)
        named = name.removeprefix(MTEB)
        return EmbeddingScorer([MTEBEmbedder(named, device) for device in devices or (None,)], cache=cache)
    path = Path(name)
    if not name.startswith(HUB) and not path.exists():
        controls = [CONTROL + known for known in CONTROLS]
        beside = [str(other) for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ValueError(
            f"there is no model {name!r}{did_you_mean(name, controls + beside)} ({MODELS}, or {', '.join(controls)})"
        )
    from benchmarks.models.compa_model import Loaded

    _check(devices)
    return EmbeddingScorer([Loaded(name, device, pad) for device in devices or (None,)], cache=cache)


def model_name(name: str) -> str:
    """What a model is called in results: never a path.

    Args:
        name: As given to `open_scorer`.

    Returns:
        A run folder's own name, `<run folder's name>@<checkpoint>` of a checkpoint file, `hf:<name>` with a folder's
        own name for a folder, and as given `control:<name>`, `mteb:<name>` and `python:<module>:<factory>`.

    Example:
        >>> model_name("control:random")
        'control:random'
        >>> model_name("hf:laion/clap-htsat-unfused")
        'hf:laion/clap-htsat-unfused'
    """
    if name.startswith((CONTROL, MTEB, PYTHON)):
        return name
    if name.startswith(HUB):
        found = Path(name.removeprefix(HUB))
        return f"{HUB}{found.resolve().name}" if found.exists() else name
    path = Path(name).resolve()
    return f"{run_folder(path).name}@{path.stem}" if path.is_file() else path.name


def _users_own(name: str, cache: EmbeddingCache | None) -> Scorer:
    """What a function of the user's own module gives, which is found from the current folder, too."""
    module_name, _, factory = name.removeprefix(PYTHON).partition(":")
    if not module_name or not factory:
        raise ValueError(f"model {name!r} is not of the form {PYTHON}MODULE:FACTORY, such as {PYTHON}my_model:make")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{name}: there is no module {error.name!r}, neither here nor installed") from None
    finally:
        sys.path.pop(0)
    if not callable(make := getattr(module, factory, None)):
        raise ValueError(f"{name}: {module_name} has no function {factory!r}{did_you_mean(factory, vars(module))}")
    made: Any = make()
    if isinstance(made, Scorer):
        return made
    if hasattr(made, "embed_audio") and hasattr(made, "embed_text"):
        return EmbeddingScorer(made, cache=cache)
    raise ValueError(f"{name} gives {type(made).__name__}, with neither `score` nor `embed_audio` and `embed_text`")


def _check(devices: Sequence[str]) -> None:
    """Raises ValueError where a device is unknown or not there."""
    if not devices:
        return
    import torch

    legal = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    legal += ["mps"] if torch.backends.mps.is_available() else []
    for device in devices:
        if device not in legal and not (device == "cuda" and "cuda:0" in legal):
            raise ValueError(f"there is no device {device!r} here: the devices are {', '.join(legal)}")


def checked(scores: Sequence[ArrayLike], groups: Sequence[Group], model: str, items: Sequence[str]) -> list[Scores]:
    """Makes sure that a scorer gave one finite number for every pair.

    Args:
        scores: What the scorer returned.
        groups: What it was asked.
        model: Its name, for the error.
        items: The name of each group, for the error.

    Raises:
        ValueError: Names the model, the item and what is wrong with its scores.
    """
    if not isinstance(scores, Sequence | np.ndarray):
        raise ValueError(f"model {model!r} gave a {type(scores).__name__} instead of a list with one array an item")
    if len(scores) != len(groups):
        raise ValueError(f"model {model!r} scored {len(scores)} items instead of {len(groups)}: one array an item")
    matrices = []
    for matrix, (audios, texts), item in zip(scores, groups, items, strict=True):
        try:
            array = np.asarray(matrix)
            array = array.astype(np.float64, casting="unsafe" if array.dtype == object else "same_kind")
        except (TypeError, ValueError) as error:
            reason = shorten(str(error), 200)
            raise ValueError(f"model {model!r} gave item {item!r} scores that are no numbers: {reason}") from None
        if array.shape != (len(audios), len(texts)):
            wanted = f"{(len(audios), len(texts))} (audios, texts)"
            raise ValueError(f"model {model!r} gave item {item!r} scores of shape {array.shape}, not {wanted}")
        if not np.isfinite(array).all():
            bad = np.argwhere(~np.isfinite(array))
            row, column = bad[0].tolist()
            raise ValueError(
                f"model {model!r} gave item {item!r} scores that are not finite: {len(bad)} of {array.size}, the first "
                f"{array[row, column]} for audio {row + 1} of {len(audios)} and {reprlib.repr(texts[column])}"
            )
        matrices.append(array)
    return matrices
