from __future__ import annotations

from pathlib import Path

import pytest

from compa.utils.files import is_file, whole_file, write_whole


@pytest.mark.parametrize("sync", [True, False])
def test_a_file_that_fails_leaves_the_former_one(sync: bool, tmp_path: Path) -> None:
    path = tmp_path / "f"
    write_whole(path, b"former")

    def write_half() -> None:
        with whole_file(path, sync=sync) as file:
            file.write(b"new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert path.read_bytes() == b"former"
    with whole_file(path, sync=sync) as file:
        file.write(b"new")
        assert path.read_bytes() == b"former"
    assert path.read_bytes() == b"new"
    assert [left.name for left in tmp_path.iterdir()] == ["f"]


def test_names_that_no_file_can_have(tmp_path: Path) -> None:
    assert not is_file(tmp_path)
    assert not is_file(tmp_path / ("n" * 5000))
    assert not is_file(Path("zero\0byte"))
