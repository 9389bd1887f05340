"""What an objective refuses, in one sentence each."""

from __future__ import annotations

import torch
from torch import Tensor

from compa.objectives.embeddings import Embeddings

TOLERANCES = {torch.float64: 1e-6, torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 2e-2}
"""How far a row's length may be from 1, by type."""
MAX_SCALE = 600.0
"""Beyond it the powers of opposite rows are too far apart for float64; CLIP and CLAP stay at or below 100."""


def check_layout(embeddings: Embeddings) -> None:
    """Checks shapes, types and devices, which costs nothing and never waits for a GPU.

    Raises:
        ValueError: If something doesn't fit; it names the argument, what it is and what it should be.
    """
    e = embeddings
    if e.audio.ndim != 2 or 0 in e.audio.shape:
        raise ValueError(f"audio has the shape {_shape(e.audio)}; it needs (clips, dimensions), at least one of each")
    num_clips, width = e.audio.shape
    if e.audio.dtype not in TOLERANCES:
        legal = ", ".join(_type(dtype) for dtype in TOLERANCES)
        raise ValueError(f"audio is {_type(e.audio.dtype)}; embeddings are one of {legal}")
    _check_shape("captions", e.captions, (num_clips, width), "one row a clip, as wide as audio")
    if e.extras.ndim != 2 or e.extras.shape[1] != width:
        raise ValueError(
            f"extras has the shape {_shape(e.extras)}; it needs (further captions, {width}), "
            f"and (0, {width}) where there are none"
        )
    num_extras = len(e.extras)
    _check_shape("owner", e.owner, (num_extras,), "one clip index for every row of extras")
    _check_shape("is_positive", e.is_positive, (num_extras,), "one flag for every row of extras")
    _check_shape("scale", e.scale, (), "a single number")
    for name, tensor in (("captions", e.captions), ("extras", e.extras)):
        if tensor.dtype != e.audio.dtype:
            raise ValueError(
                f"{name} is {_type(tensor.dtype)} but audio is {_type(e.audio.dtype)}; cast one to the other's type"
            )
    if e.owner.dtype != torch.int64:
        raise ValueError(f"owner is {_type(e.owner.dtype)}; indices of clips need int64: owner.long()")
    if e.is_positive.dtype != torch.bool:
        raise ValueError(f"is_positive is {_type(e.is_positive.dtype)}; it needs bool: is_positive.bool()")
    if not e.scale.is_floating_point():
        raise ValueError(f"scale is {_type(e.scale.dtype)}; it needs a floating point type: scale.float()")
    if e.known_true is not None:
        if e.known_true.dtype != torch.bool:
            raise ValueError(f"known_true is {_type(e.known_true.dtype)}; it needs bool: known_true.bool()")
        if e.known_true.ndim != 2 or len(e.known_true) != num_clips + num_extras:
            raise ValueError(
                f"known_true has the shape {_shape(e.known_true)}; it needs one row for each of the "
                f"{num_clips} captions, then one for each of the {num_extras} extras, and a column a clip"
            )
    _check_devices(e)


def check_values(embeddings: Embeddings, first_clip: int = 0) -> None:
    """Checks what the tensors hold, which waits for the device they are on.

    Args:
        embeddings: A batch that has passed `check_layout`.
        first_clip: Which column of `known_true` is this rank's first clip.

    Raises:
        ValueError: If a row isn't of unit length or isn't finite, the scale isn't a positive number, an
            owner is out of range, or a hard negative is marked true of its own clip.
    """
    e = embeddings
    scale = float(e.scale.detach())
    if not 0 < scale <= MAX_SCALE:
        raise ValueError(f"scale is {scale}; one over the temperature is a positive number, at most {MAX_SCALE:g}")
    for name, rows in (("audio", e.audio), ("captions", e.captions), ("extras", e.extras)):
        _check_unit_rows(name, rows.detach())
    if not len(e.owner):
        return
    lowest, highest = int(e.owner.min()), int(e.owner.max())
    if lowest < 0 or highest >= len(e.audio):
        wrong = lowest if lowest < 0 else highest
        raise ValueError(f"owner holds {wrong}; it needs indices of this rank's clips, 0 to {len(e.audio) - 1}")
    if e.known_true is None:
        return
    of_own = e.known_true[len(e.audio) :].gather(1, (e.owner + first_clip)[:, None])[:, 0] & ~e.is_positive
    if bool(of_own.any()):
        worst = int(of_own.nonzero()[0, 0])
        raise ValueError(
            f"known_true says that extra {worst} is true of clip {int(e.owner[worst])}, "
            "whose hard negative it is; drop that negative or make it a positive"
        )


def _check_unit_rows(name: str, rows: Tensor) -> None:
    lengths = torch.linalg.vector_norm(rows, dim=1, dtype=torch.promote_types(rows.dtype, torch.float32))
    is_wrong = ~((lengths - 1).abs() <= TOLERANCES[rows.dtype])
    if bool(is_wrong.any()):
        worst = int(is_wrong.nonzero()[0, 0])
        raise ValueError(
            f"row {worst} of {name} has the length {float(lengths[worst]):.6g} ({int(is_wrong.sum())} of "
            f"{len(rows)} rows are off); every row needs the length 1 within {TOLERANCES[rows.dtype]:g}: "
            "use torch.nn.functional.normalize(rows, dim=1), and look for overflow where it is nan"
        )


def _check_shape(name: str, tensor: Tensor, shape: tuple[int, ...], meaning: str) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} has the shape {_shape(tensor)}; it needs {shape}, {meaning}")


def _check_devices(embeddings: Embeddings) -> None:
    e = embeddings
    others = {
        "captions": e.captions,
        "extras": e.extras,
        "owner": e.owner,
        "is_positive": e.is_positive,
        "scale": e.scale,
        "known_true": e.known_true,
    }
    for name, tensor in others.items():
        if tensor is not None and tensor.device != e.audio.device:
            raise ValueError(
                f"{name} is on {tensor.device} but audio is on {e.audio.device}; move it: {name}.to(audio.device)"
            )


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _type(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
