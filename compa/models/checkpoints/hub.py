"""Other people's checkpoints: transformers, where to find them, and what to say where they are not to be had."""

from __future__ import annotations

import importlib
import pickle
import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

REACH_SECONDS = 5.0
REMEDY = "pip install 'transformers>=5,<6', and a torchaudio that was built for this torch"
CONSTANTS = ("position_ids", "token_type_ids", "relative_position_index", "num_batches_tracked")
"""Ends of names of weights that some versions of transformers save and others compute."""
NUM_LISTED = 5
"""So many names of weights stand in an error; the others are counted."""


def need(package: str, remedy: str = REMEDY) -> Any:
    """Imports a package that only some models need.

    Raises:
        ValueError: If it is missing or cannot be loaded; says how to install it.
    """
    try:
        return importlib.import_module(package)
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{package} cannot be loaded ({reason}): {remedy}") from None


def transformers() -> Any:
    """The package transformers; raises ValueError where it, or torchaudio, which its models need, cannot be loaded."""
    found = need("transformers")
    need("transformers.models.clap.modeling_clap")
    return found


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Reads a checkpoint without transformers' progress, and turns what goes wrong into one sentence that names it.

    Args:
        name: A folder, or a repository of the Hugging Face hub.
    """
    log = transformers().utils.logging
    verbosity, has_progress = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # of many kinds, whatever a damaged or foreign file makes of transformers
        if isinstance(error, pickle.UnpicklingError):
            reason = "a pickle that is damaged, or would run code"
        else:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
        if Path(name).is_dir() or not isinstance(error, OSError):
            raise ValueError(f"{name} cannot be read as a checkpoint ({reason})") from None
        raise ValueError(
            f"{name} is no folder here, and the Hugging Face hub does not give it (no network, or no such model): "
            f"run `hf download {name} --local-dir DIR` where there is a network, and name that DIR in its place"
        ) from None
    finally:
        log.set_verbosity(verbosity)
        if has_progress:
            log.enable_progress_bar()


def check_name(name: str) -> str:
    """What transformers is to be given for a folder or a hub's id: without a network, the folder of the hub's cache.

    Raises:
        ValueError: If it can be neither, or the hub cannot be reached and its files are not in the cache.
    """
    if name and Path(name).is_dir():
        return name
    if not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", name):
        raise ValueError(
            f"there is no folder {name!r}: give a folder with a checkpoint, or a hub id such as OWNER/NAME"
        )
    if _is_reachable():
        return name
    with reading(name):
        return str(need("huggingface_hub").snapshot_download(name, local_files_only=True))


@cache
def _is_reachable() -> bool:
    """Whether the hub answers; transformers itself would try for minutes."""
    hub = need("huggingface_hub")
    try:
        hub.utils.get_session().head(hub.constants.ENDPOINT, timeout=REACH_SECONDS)
    except Exception:  # its own errors, those of httpx, and of whatever proxy there is
        return False
    return True


def check_keys(name: str, missing: Collection[str], unexpected: Collection[str], strict: bool = True) -> None:
    """Lists the weights that are missing or have no place.

    Raises:
        ValueError: If there are any and `strict` is on.
    """
    listed = [
        f"{len(keys)} {what} ({', '.join(sorted(keys)[:NUM_LISTED])}{', ...' if len(keys) > NUM_LISTED else ''})"
        for what, keys in (("missing", missing), ("unexpected", unexpected))
        if keys
    ]
    if listed and strict:
        raise ValueError(
            f"the weights of {name} do not fit its model: {', '.join(listed)}; strict=False takes what fits"
        )
    if listed:
        warnings.warn(f"the weights of {name} do not fit its model: {', '.join(listed)}", stacklevel=2)


def read_weights(kind: Any, name: str) -> tuple[Any, list[str], list[str]]:
    """Reads a checkpoint's weights.

    Args:
        kind: The class of the model.
        name: A folder or hub id, as `check_name` gives it.

    Returns:
        The model in float32, the names of weights that the checkpoint lacks, and of those that have no place.

    Raises:
        ValueError: If it cannot be read, or a weight has another shape than the configuration says.
    """
    with reading(name):
        model, found = kind.from_pretrained(
            name, dtype="float32", output_loading_info=True, ignore_mismatched_sizes=True
        )
    for key, theirs, ours in sorted(found["mismatched_keys"])[:1]:
        raise ValueError(f"the weights of {name} do not fit its model: {key} is {tuple(theirs)}, not {tuple(ours)}")
    missing = [key for key in found["missing_keys"] if not key.endswith(CONSTANTS)]
    return model, missing, list(found["unexpected_keys"])


_CLASSES = {
    "t5": "T5EncoderModel",
    "mt5": "MT5EncoderModel",
    "umt5": "UMT5EncoderModel",
    "clap_text_model": "ClapTextModel",
    "clap_audio_model": "ClapAudioModel",
}
"""Types of models whose encoder has a class of its own; of others, the plain model is taken."""


def read_model(model: str | dict[str, Any], kind: str | None = None) -> Any:
    """A model of transformers, in float32.

    Args:
        model: A folder or hub id, whose weights are read, or a configuration's values; then weights are random.
        kind: The `model_type` that it must have; None takes every one, and values have to say which.

    Raises:
        ValueError: If there is no such model, or it is another one.
    """
    if not isinstance(model, str):
        config = _config_of({"model_type": kind} | model if kind else model)
        return _class_of(config)(config)
    model = check_name(model)
    with reading(model):
        config = transformers().AutoConfig.from_pretrained(model)
    if kind not in (None, config.model_type):
        raise ValueError(f"{model} is a checkpoint of type {config.model_type!r}, not {kind}")
    found, missing, _ = read_weights(_class_of(config), model)  # what has no place are heads and decoders
    check_keys(model, [key for key in missing if not key.startswith("pooler.")], (), strict=False)
    return found


def _config_of(settings: dict[str, Any]) -> Any:
    kinds = transformers().CONFIG_MAPPING
    kind = settings.get("model_type")
    if kind not in kinds:
        raise ValueError(f"model_type {kind!r} is none that transformers knows: name one, such as roberta, bert or t5")
    try:
        return kinds[kind].from_dict(dict(settings))
    except (TypeError, ValueError, need("huggingface_hub.errors").StrictDataclassError) as error:
        raise ValueError(f"the configuration of {kind} does not fit ({' '.join(str(error).split())})") from None


def _class_of(config: Any) -> Any:
    package = transformers()
    if config.model_type in _CLASSES:
        return getattr(package, _CLASSES[config.model_type])
    if type(config) not in package.MODEL_MAPPING:
        raise ValueError(f"transformers has no plain model of type {config.model_type!r}: take another encoder")
    return package.MODEL_MAPPING[type(config)]
