from compa.objectives import judge_pairs


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
