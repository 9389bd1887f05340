from __future__ import annotations

from collections.abc import Iterator

import pytest

from compa.utils.parallel import map_threads


def test_the_order_is_kept_items_are_read_a_few_ahead_and_errors_are_raised() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = map_threads(lambda number: number * number, numbers(), ahead=5)
    assert next(results) == 0
    assert len(taken) <= 6
    assert list(results) == [number * number for number in range(1, 100)]
    with pytest.raises(ZeroDivisionError):
        list(map_threads(lambda number: 1 // number, [1, 0, 1], ahead=2))
    assert list(map_threads(str, [])) == []
