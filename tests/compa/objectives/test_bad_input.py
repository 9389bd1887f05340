"""One clear sentence for everything that doesn't fit."""

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
        ({"audio": torch.zeros(5)}, r"audio has the shape \(5,\); it needs \(clips, dimensions\)"),
        ({"audio": torch.zeros(0, 6)}, r"audio has the shape \(0, 6\)"),
        (
            {"audio": torch.zeros(5, 6, dtype=torch.int64)},
            "audio is int64; embeddings are one of float64, float32",
        ),
        (
            {"captions": BATCH.captions[:4]},
            r"captions has the shape \(4, 6\); it needs \(5, 6\), one row a clip",
        ),
        ({"captions": BATCH.captions.double()}, "captions is float64 but audio is float32"),
        ({"extras": BATCH.extras[:, :5]}, r"extras has the shape \(7, 5\); it needs \(further captions, 6\)"),
        ({"extras": BATCH.extras.half()}, "extras is float16 but audio is float32"),
        ({"owner": BATCH.owner[:6]}, r"owner has the shape \(6,\); it needs \(7,\)"),
        ({"owner": BATCH.owner.float()}, "owner is float32; indices of clips need int64"),
        ({"owner": _with(BATCH.owner, 2, 5)}, "owner holds 5; it needs indices of this rank's clips, 0 to 4"),
        ({"owner": _with(BATCH.owner, 2, -1)}, "owner holds -1"),
        ({"is_positive": BATCH.is_positive[:2]}, r"is_positive has the shape \(2,\)"),
        ({"is_positive": BATCH.is_positive.long()}, "is_positive is int64; it needs bool"),
        ({"scale": torch.ones(1)}, r"scale has the shape \(1,\); it needs \(\), a single number"),
        ({"scale": torch.tensor(3)}, "scale is int64; it needs a floating point type"),
        (
            {"scale": torch.tensor(float("nan"))},
            "scale is nan; one over the temperature is a positive number, at most 600",
        ),
        ({"scale": torch.tensor(-2.0)}, "scale is -2.0"),
        ({"scale": torch.tensor(700.0)}, "scale is 700.0; .* at most 600"),
        (
            {"known_true": torch.zeros(5, 5, dtype=torch.bool)},
            r"known_true has the shape \(5, 5\); .* 7 extras",
        ),
        ({"known_true": torch.zeros(12, 5)}, "known_true is float32; it needs bool"),
        ({"known_true": torch.zeros(12, 6, dtype=torch.bool)}, "known_true has 6 columns; it needs 5"),
        ({"audio": 2 * BATCH.audio}, r"row 0 of audio has the length 2 \(5 of 5 rows are off\).*normalize"),
        ({"captions": _with(BATCH.captions, 3, 0)}, r"row 3 of captions has the length 0 \(1 of 5"),
        ({"extras": _with(BATCH.extras, (6, 1), float("nan"))}, "row 6 of extras has the length nan"),
        ({"captions": BATCH.captions.detach().to("meta")}, "captions is on meta but audio is on cpu"),
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
    with pytest.raises(ValueError, match=f"known_true says that extra {extra} is true of clip"):
        ModularNCE()(replace(batch, known_true=known))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rounding_is_tolerated(dtype: torch.dtype) -> None:
    assert InfoNCE()(random_batch(num_clips=50, width=300, dtype=dtype)).total.isfinite()


def test_values_are_checked_at_first_always_or_never() -> None:
    bad = replace(BATCH, audio=2 * BATCH.audio.detach())
    InfoNCE(check_values="never")(bad)
    always, first = InfoNCE(check_values="always"), InfoNCE()
    for _ in range(10):
        always(BATCH)
        first(BATCH)
    first(bad)
    with pytest.raises(ValueError, match="row 0 of audio"):
        always(bad)
    with pytest.raises(ValueError, match="audio has the shape"):
        first(replace(BATCH, audio=torch.zeros(5)))


def test_options() -> None:
    with pytest.raises(ValueError, match="positives is 'both'; it needs to be 'mean', 'sum' or 'queries'"):
        ModularNCE("both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="check_values is 'often'"):
        InfoNCE(check_values="often")  # type: ignore[arg-type]


def test_embeddings_take_names_only() -> None:
    with pytest.raises(TypeError):
        Embeddings(BATCH.audio, BATCH.captions)  # type: ignore[call-arg]
