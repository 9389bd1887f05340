"""Opens models by name, as the protocol that a task needs.

Each kind of model is a module with `open_model(name, options) -> Uses`; a prefix of the name selects it. A new kind is
a module and a line in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.models.names import CONTROL, MTEB, PYTHON
from benchmarks.models.options import ModelOptions
from benchmarks.scorer import Scorer
from compa.models import HUB

if TYPE_CHECKING:
    from benchmarks.models.embedding_cache import EmbeddingCache
    from compa.models.encoders.audio import Pad

KINDS = {
    CONTROL: "benchmarks.models.controls",
    PYTHON: "benchmarks.models.python",
    MTEB: "benchmarks.models.mteb",
    HUB: "benchmarks.models.compa_model",
    "": "benchmarks.models.compa_model",
}
"""The module for each prefix, imported only when such a model is opened."""


class Model:
    """A loaded model, which can be used as one or several of the protocols in `benchmarks.scorer`.

    Args:
        name: A run folder or one of its checkpoints, `hf:<name>` (a CLAP checkpoint of transformers in a folder or on
            the hub), `mteb:<name>` (an audio model of MTEB), `control:<name>`, or `python:<module>:<factory>` (a
            function without arguments that returns a model).
        options: How to open it.

    Raises:
        ValueError: If there is no such model or device; names the legal ones.
    """

    def __init__(self, name: str, options: ModelOptions | None = None) -> None:
        self.name = name
        kind = next(prefix for prefix in KINDS if name.startswith(prefix))
        self._uses = import_module(KINDS[kind]).open_model(name, options or ModelOptions())
        self._opened: dict[type, Any] = {}

    def opened_as(self, protocol: type) -> Any:
        """The model as an implementation of a protocol, the same object at every call.

        Raises:
            ValueError: If the model cannot be used so; says what it can be used as.
        """
        if protocol not in self._uses:
            raise ValueError(
                f"{self.name} cannot be used as {protocol.__name__}, only as "
                f"{', '.join(possible.__name__ for possible in self._uses)}"
            )
        if protocol not in self._opened:
            self._opened[protocol] = self._uses[protocol]()
        return self._opened[protocol]


def opened_as(model: object, protocol: type, name: str) -> Any:
    """An implementation of a protocol: a `Model` opened as it, or an object that implements it already.

    Raises:
        ValueError: If the model cannot be used so.
    """
    if isinstance(model, Model):
        return model.opened_as(protocol)
    if isinstance(model, protocol):
        return model
    raise ValueError(f"{name} cannot be used as {protocol.__name__}: a {type(model).__name__} does not implement it")


def open_scorer(
    name: str,
    seed: int = 0,
    devices: Sequence[str] = (),
    cache: EmbeddingCache | None = None,
    pad: Pad | None = None,
) -> Scorer:
    """Opens a model by name as a `Scorer`; see `Model` for names and errors, `ModelOptions` for the rest."""
    scorer: Scorer = Model(name, ModelOptions(seed, devices, cache, pad)).opened_as(Scorer)
    return scorer
