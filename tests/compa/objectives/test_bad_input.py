"""Every wrong input is refused in one sentence that names it, its value and what it must be."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from compa.objectives import Embeddings, HardNegativeNCE, InfoNCE, ModularNCE
from tests.compa.objectives.batches import random_batch

BATCH = random_batch(dtype=torch.float32)


def _with(tensor: torch.Tensor, place: Any, value: float) -> torch.Tensor:
    changed = tensor.detach().clone()
    changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"audio": torch.zeros(5)}, r"audio .*\(B, D\).* got \(5,\)"),
        ({"audio": torch.zeros(0, 6)}, r"audio .* got \(0, 6\)"),
        ({"audio": torch.zeros(5, 6, dtype=torch.int64)}, "audio .*float64, float32.* got int64"),
        ({"captions": BATCH.captions[:4]}, r"captions .*\(5, 6\); got \(4, 6\)"),
        ({"captions": BATCH.captions.double()}, "captions must be float32.*; got float64"),
        ({"extras": BATCH.extras[:, :5]}, r"extras .*\(7, 6\); got \(7, 5\)"),
        ({"extras": BATCH.extras[0, 0]}, r"extras .*\(0, 6\); got \(\)"),
        ({"extras": BATCH.extras.half()}, "extras must be float32.*; got float16"),
        ({"owner": BATCH.owner[:6]}, r"owner .*\(7,\); got \(6,\)"),
        ({"owner": BATCH.owner.float()}, "owner must be int64; got float32"),
        ({"owner": _with(BATCH.owner, 2, 5)}, "owner .* 0 to 4; got 5"),
        ({"owner": _with(BATCH.owner, 2, -1)}, "owner .*; got -1"),
        ({"is_positive": BATCH.is_positive[:2]}, r"is_positive .*\(7,\); got \(2,\)"),
        ({"is_positive": BATCH.is_positive.long()}, "is_positive must be bool; got int64"),
        ({"scale": torch.ones(1)}, r"scale .*\(\); got \(1,\)"),
        ({"scale": torch.tensor(3)}, "scale .* floating point type; got int64"),
        ({"scale": torch.tensor(float("nan"))}, "scale.* at most 600; got nan"),
        ({"scale": torch.tensor(-2.0)}, "scale.*; got -2.0"),
        ({"scale": torch.tensor(700.0)}, "scale.* at most 600; got 700.0"),
        ({"known_true": torch.zeros(5, 5, dtype=torch.bool)}, r"known_true .*\(12, 5\); got \(5, 5\)"),
        ({"known_true": torch.zeros(12, dtype=torch.bool)}, r"known_true .*\(12, 5\); got \(12,\)"),
        ({"known_true": torch.zeros(12, 5)}, "known_true must be bool; got float32"),
        ({"known_true": torch.zeros(12, 6, dtype=torch.bool)}, "known_true must have 5 columns.*; got 6"),
        ({"audio": 2 * BATCH.audio}, r"row of audio .*; got 2 in row 0 \(5 of 5 rows.*normalize"),
        ({"captions": _with(BATCH.captions, 3, 0)}, r"row of captions .*; got 0 in row 3 \(1 of 5"),
        ({"extras": _with(BATCH.extras, (6, 1), float("nan"))}, "row of extras .*; got nan in row 6"),
        ({"captions": BATCH.captions.detach().to("meta")}, "captions must be on cpu, .*; got meta"),
    ],
)
def test_one_sentence(changes: dict[str, torch.Tensor], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as error:
        HardNegativeNCE()(replace(BATCH, **changes))
    assert "\n" not in str(error.value)


def test_hard_negative_marked_true_of_its_own_clip() -> None:
    batch = random_batch(dtype=torch.float32)
    extra = int((~batch.is_positive).nonzero()[0, 0])
    assert batch.known_true is not None
    known = batch.known_true.clone()
    known[len(batch.audio) + extra, batch.owner[extra]] = True
    with pytest.raises(ValueError, match=f"hard negative .*; got extra {extra} of clip"):
        ModularNCE()(replace(batch, known_true=known))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rounding_is_tolerated(dtype: torch.dtype) -> None:
    assert InfoNCE()(random_batch(num_clips=50, width=300, dtype=dtype)).total.isfinite()


def test_values_are_checked_in_the_first_calls_and_shapes_always() -> None:
    bad = replace(BATCH, audio=2 * BATCH.audio.detach())
    objective = InfoNCE()
    for _ in range(9):
        objective(BATCH)
    with pytest.raises(ValueError, match="row of audio"):
        objective(bad)
    objective(bad)
    with pytest.raises(ValueError, match="audio must have the shape"):
        objective(replace(BATCH, audio=torch.zeros(5)))


def test_unknown_positives() -> None:
    with pytest.raises(ValueError, match="'mean', 'sum', 'queries'; got 'both'"):
        ModularNCE("both")  # type: ignore[arg-type]


def test_embeddings_take_names_only() -> None:
    with pytest.raises(TypeError):
        Embeddings(BATCH.audio, BATCH.captions)  # type: ignore[call-arg]
