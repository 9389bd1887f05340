import torch

from compa.objectives import InfoNCE, judge_pairs, match_keys
from tests.compa.objectives.batches import random_batch


def test_judges_equal_texts_once() -> None:
    asked = []

    def is_true(text: str, clip: set[str]) -> bool:
        asked.append(text)
        return text in clip

    known = judge_pairs(["rain", "dog", "rain"], [{"rain"}, {"dog", "rain"}], is_true, across_ranks=False)
    assert known.tolist() == [[True, True], [False, True], [True, True]]
    assert len(asked) == 4


def test_no_texts() -> None:
    assert judge_pairs([], ["a", "b"], lambda *_: True, across_ranks=False).shape == (0, 2)


def test_keys() -> None:
    known = match_keys(
        torch.tensor([7, -3, 99, 7]),
        torch.tensor([7, 5, -3, 7]),
        torch.tensor([0, 0, 1, 2]),
        num_clips=3,
        across_ranks=False,
    )
    assert known.tolist() == [[True, False, True], [False, True, False], [False] * 3, [True, False, True]]


def test_fits_an_objective() -> None:
    batch = random_batch(num_extras=0, share_known=0)
    keys = torch.tensor([1, 2, 2, 3, 4])
    known = match_keys(keys, keys, torch.arange(5), 5, across_ranks=InfoNCE().spans_ranks)
    assert known.sum() == 7
    InfoNCE()(type(batch)(**{**vars(batch), "known_true": known}))
