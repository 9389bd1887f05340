"""What an objective refuses in its input, as sentences that name the argument, its value and what it must be."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from compa.objectives.embeddings import Embeddings

TOLERANCES = {torch.float64: 1e-6, torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 2e-2}
"""How far a row's length may be from 1, by type."""
MAX_SCALE = 600.0
"""Above it, the exponentials of opposite rows are too far apart for float64; CLIP and CLAP stay at or below 100."""


def layout_problems(embeddings: Embeddings) -> Iterator[str]:
    """Yields what is wrong with shapes, types and devices; reading them never waits for a GPU."""
    e = embeddings
    if e.audio.ndim != 2 or 0 in e.audio.shape:
        yield f"audio must have the shape (B, D), at least one clip and dimension; got {tuple(e.audio.shape)}"
        return
    if e.audio.dtype not in TOLERANCES:
        yield f"audio must be one of {', '.join(map(_name, TOLERANCES))}; got {_name(e.audio.dtype)}"
    (num_clips, width), num_extras = e.audio.shape, len(e.extras) if e.extras.ndim else 0
    expected: dict[str, tuple[str, tuple[int, ...], torch.dtype | None]] = {
        "captions": ("(B, D)", (num_clips, width), e.audio.dtype),
        "extras": ("(M, D)", (num_extras, width), e.audio.dtype),
        "owner": ("(M,)", (num_extras,), torch.int64),
        "is_positive": ("(M,)", (num_extras,), torch.bool),
        "scale": ("()", (), None),
        "known_true": ("(B + M, G)", (num_clips + num_extras,), torch.bool),
    }
    for name, (letters, shape, dtype) in expected.items():
        tensor: Tensor | None = getattr(e, name)
        if tensor is None:
            continue
        if name == "known_true":
            shape = (*shape, tensor.shape[-1] if tensor.ndim == 2 else num_clips)
        if tensor.shape != shape:
            yield f"{name} must have the shape {letters} = {shape}; got {tuple(tensor.shape)}"
        if dtype is not None and tensor.dtype != dtype:
            as_audio = ", as audio is" if dtype == e.audio.dtype else ""
            yield f"{name} must be {_name(dtype)}{as_audio}; got {_name(tensor.dtype)}"
        if dtype is None and not tensor.is_floating_point():
            yield f"{name} must be of a floating point type; got {_name(tensor.dtype)}"
        if tensor.device != e.audio.device:
            yield f"{name} must be on {e.audio.device}, as audio is; got {tensor.device}"


def value_problems(embeddings: Embeddings, first_clip: int = 0) -> Iterator[str]:
    """Yields what is wrong with the values, which waits for the device they are on.

    Args:
        embeddings: A batch without layout problems.
        first_clip: The column of `known_true` that is this rank's first clip.
    """
    e = embeddings
    scale = float(e.scale.detach())
    if not 0 < scale <= MAX_SCALE:
        yield f"scale, 1 / temperature, must be a positive number of at most {MAX_SCALE:g}; got {scale}"
    for name, rows in (("audio", e.audio), ("captions", e.captions), ("extras", e.extras)):
        lengths = torch.linalg.vector_norm(rows.detach(), dim=1, dtype=torch.promote_types(rows.dtype, torch.float32))
        is_wrong = ~((lengths - 1).abs() <= TOLERANCES[rows.dtype])
        if bool(is_wrong.any()):
            worst = int(is_wrong.nonzero()[0, 0])
            yield (
                f"every row of {name} must have the length 1; got {float(lengths[worst]):.6g} in row {worst} "
                f"({int(is_wrong.sum())} of {len(rows)} rows are wrong): apply torch.nn.functional.normalize, "
                "and look for overflow if it is nan"
            )
    is_outside = (e.owner < 0) | (e.owner >= len(e.audio))
    if bool(is_outside.any()):
        wrong = int(e.owner[is_outside][0])
        yield f"owner must hold indices of this rank's clips, 0 to {len(e.audio) - 1}; got {wrong}"
    elif e.known_true is not None:
        is_true_of_own = e.known_true[len(e.audio) :].gather(1, (e.owner + first_clip)[:, None])[:, 0]
        contradictions = (is_true_of_own & ~e.is_positive).nonzero()[:, 0].tolist()
        if contradictions:
            yield (
                f"known_true must not mark a hard negative true of its own clip; got extra {contradictions[0]} of "
                f"clip {int(e.owner[contradictions[0]])}: drop that negative or make it a positive"
            )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
