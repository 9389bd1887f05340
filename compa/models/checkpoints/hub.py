"""Loads checkpoints of Hugging Face Transformers from a folder or the Hub, with readable errors."""

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
EXTRACTOR_FILES = ("preprocessor_config.json", "processor_config.json")
CONSTANTS = ("position_ids", "token_type_ids", "relative_position_index", "num_batches_tracked")
"""Endings of names of weights that some versions of transformers save and others compute."""
NUM_LISTED = 5
"""An error lists this many names of weights and counts the others."""


def need(package: str, remedy: str = REMEDY) -> Any:
    """Imports an optional package.

    Raises:
        ValueError: If it is missing or cannot be loaded, with how to install it.
    """
    try:
        return importlib.import_module(package)
    except (ImportError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{package} cannot be loaded ({reason}): {remedy}") from None


def transformers() -> Any:
    """The package transformers; raises ValueError if it, or torchaudio, which its models need, cannot be loaded."""
    found = need("transformers")
    need("transformers.models.clap.modeling_clap")
    return found


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Silences transformers while a checkpoint is read, and turns its errors into one sentence with the name.

    Args:
        name: A folder or a hub id.
    """
    log = transformers().utils.logging
    verbosity, has_progress = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # of many kinds for damaged and foreign files
        if isinstance(error, pickle.UnpicklingError):
            reason = "a pickle that is damaged, or would run code"
        else:
            reason = " ".join(str(error).split())[:300] or type(error).__name__
        if Path(name).is_dir() or not isinstance(error, OSError):
            raise ValueError(f"{name} cannot be read as a checkpoint ({reason})") from None
        raise ValueError(
            f"{name} is not a folder, and the Hugging Face Hub does not provide it (no network, or no such model): "
            f"run `hf download {name} --local-dir DIR` on a machine with a network, and give that DIR instead"
        ) from None
    finally:
        log.set_verbosity(verbosity)
        if has_progress:
            log.enable_progress_bar()


def check_name(name: str) -> str:
    """Checks the name of a checkpoint and returns it; without a network, the folder of a hub id's local cache.

    Raises:
        ValueError: If it is neither a folder nor a hub id, or the Hub cannot be reached and the cache lacks it.
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
    """Whether the Hub answers; transformers itself would try for minutes."""
    hub = need("huggingface_hub")
    try:
        hub.utils.get_session().head(hub.constants.ENDPOINT, timeout=REACH_SECONDS)
    except Exception:  # of huggingface_hub, httpx or a proxy
        return False
    return True


@contextmanager
def naming(name: str | Path) -> Iterator[None]:
    """Puts the name of a checkpoint before the errors of what is built from it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def read_extractor(name: str) -> Any:
    """Reads a checkpoint's feature extractor, by a folder or hub id; None if a folder has none.

    Raises:
        ValueError: If it cannot be read.
    """
    name = check_name(name)
    if Path(name).is_dir() and not any((Path(name) / file).is_file() for file in EXTRACTOR_FILES):
        return None
    with reading(name):
        return transformers().AutoFeatureExtractor.from_pretrained(name)


def check_extractor(name: str, extractor: Any, expected: dict[str, Any]) -> None:
    """Compares settings of a feature extractor with those that the model needs.

    Raises:
        ValueError: If one is another.
    """
    for key, value in expected.items():
        if (found := getattr(extractor, key, value)) != value:
            raise ValueError(
                f"{name}: the {key} of the feature extractor is {found}, and the model needs {value}: they do not fit"
            )


def check_keys(name: str, missing: Collection[str], unexpected: Collection[str], strict: bool = True) -> None:
    """Reports missing and unexpected weights: an error if `strict`, else a warning.

    Raises:
        ValueError: If there are any and `strict` is set.
    """
    listed = [
        f"{len(keys)} {what} ({', '.join(sorted(keys)[:NUM_LISTED])}{', ...' if len(keys) > NUM_LISTED else ''})"
        for what, keys in (("missing", missing), ("unexpected", unexpected))
        if keys
    ]
    if listed and strict:
        raise ValueError(
            f"the weights of {name} do not fit its model: {', '.join(listed)}; strict=False loads those that fit"
        )
    if listed:
        warnings.warn(f"the weights of {name} do not fit its model: {', '.join(listed)}", stacklevel=2)


def read_weights(kind: Any, name: str) -> tuple[Any, list[str], list[str]]:
    """Reads a checkpoint's weights.

    Args:
        kind: The class of the model.
        name: A folder or hub id, as `check_name` gives it.

    Returns:
        The model in float32, the names of missing weights, and of unexpected ones.

    Raises:
        ValueError: If it cannot be read, or the shape of a weight contradicts the configuration.
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
"""Model types whose encoder has a class of its own; for others the plain model is loaded."""


def read_model(model: str | dict[str, Any], kind: str | None = None) -> Any:
    """Loads or builds a model of transformers, in float32.

    Args:
        model: A folder or hub id, whose weights are read, or the values of a configuration, with random weights.
        kind: The `model_type` that it must have; None allows all, and then values must contain it.

    Raises:
        ValueError: If there is no such model, or it has another type.
    """
    if not isinstance(model, str):
        config = _config_of({"model_type": kind} | model if kind else model)
        return _class_of(config)(config)
    model = check_name(model)
    with reading(model):
        config = transformers().AutoConfig.from_pretrained(model)
    if kind not in (None, config.model_type):
        raise ValueError(f"{model} is a checkpoint of type {config.model_type!r}, not {kind}")
    found, missing, _ = read_weights(_class_of(config), model)  # unexpected ones are heads and decoders
    check_keys(model, [key for key in missing if not key.startswith("pooler.")], (), strict=False)
    return found


def _config_of(settings: dict[str, Any]) -> Any:
    kinds = transformers().CONFIG_MAPPING
    kind = settings.get("model_type")
    if kind not in kinds:
        raise ValueError(f"model_type must be one that transformers knows, such as roberta, bert or t5; got {kind!r}")
    try:
        return kinds[kind].from_dict(dict(settings))
    except (TypeError, ValueError, need("huggingface_hub.errors").StrictDataclassError) as error:
        raise ValueError(f"invalid configuration of {kind} ({' '.join(str(error).split())})") from None


def _class_of(config: Any) -> Any:
    package = transformers()
    if config.model_type in _CLASSES:
        return getattr(package, _CLASSES[config.model_type])
    if type(config) not in package.MODEL_MAPPING:
        raise ValueError(f"transformers has no plain model of type {config.model_type!r}: choose another encoder")
    return package.MODEL_MAPPING[type(config)]
