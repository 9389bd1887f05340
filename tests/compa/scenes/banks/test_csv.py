from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from tests.compa.scenes.sound_files import write_csv, write_labels

LABELS = ("cat", "dog", "owl")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_labels(tmp_path / "zoo", LABELS)


def rows(extra: str = "") -> str:
    """All files of the folder, a row each; `{i}` in `extra` is the number of the file within its label."""
    return "".join(
        f"{label}/{label}-{i}.wav,{label}{extra.format(i=i, label=label)}\n" for label in LABELS for i in range(4)
    )


def names(bank: EventBank) -> set[str]:
    return {name for label in bank.labels for name in bank.recordings(label)}


def test_file_and_label_are_enough(root: Path) -> None:
    bank = open_bank(write_csv(root / "clips.csv", "file,label\n" + rows()))
    assert bank.name == "zoo"
    assert bank.labels == LABELS
    assert len(names(bank)) == 12
    assert names(bank) == names(bank.split("train")) | names(bank.split("test"))
    assert bank.split("test").labels == LABELS


def test_the_name_is_never_a_path(root: Path) -> None:
    assert open_bank(write_csv(root / "animals.csv", "file,label\n" + rows())).name == "animals"


def test_it_divides_as_the_folder_does(root: Path) -> None:
    bank, folder = open_bank(write_csv(root / "clips.csv", "file,label\n" + rows())), open_bank(root)
    assert names(bank.split("test")) == names(folder.split("test"))
    assert bank.fingerprint == folder.fingerprint


def test_a_byte_order_mark_blanks_capitals_and_foreign_columns(root: Path) -> None:
    text = "\ufeff File , LABEL ,mood\n\n" + rows(' ,"so, so"').replace(",", " , ", 1) + "\n , ,\n"
    bank = open_bank(write_csv(root / "clips.csv", text.replace("\n", "\r\n")))
    assert bank.labels == LABELS
    assert len(names(bank)) == 12


def test_a_split_column_is_kept(root: Path) -> None:
    text = "file,label,split\n" + "".join(
        f"{label}/{label}-{i}.wav,{label},{split}\n"
        for label in LABELS
        for i, split in enumerate(("Train", "training", "TEST", "val"))
    )
    bank = open_bank(write_csv(root / "clips.csv", text))
    assert names(bank.split("test")) == {f"{label}/{label}-2.wav" for label in LABELS}
    assert len(names(bank.split("train"))) == 6
    assert "train or test; got 'val'" in bank.skipped["dog/dog-3.wav"]


def test_the_highest_fold_is_for_testing(root: Path) -> None:
    bank = open_bank(write_csv(root / "clips.csv", "file,label,fold\n" + rows(",1{i}")))
    assert names(bank.split("test")) == {f"{label}/{label}-3.wav" for label in LABELS}
    assert len(names(bank.split("train"))) == 9


def test_folds_that_make_no_sense(root: Path) -> None:
    with pytest.raises(ValueError, match=r"at least two folds.*only fold 2"):
        open_bank(write_csv(root / "clips.csv", "file,label,fold\n" + rows(",2")))
    with pytest.raises(ValueError, match="numbers; got 'x0'"):
        open_bank(write_csv(root / "clips.csv", "file,label,fold\n" + rows(",x{i}")))


def test_all_rows_for_training(root: Path) -> None:
    with pytest.raises(ValueError, match=r"0 usable label\(s\).*4 recording\(s\) for training and 0 for testing"):
        open_bank(write_csv(root / "clips.csv", "file,label,split\n" + rows(",train")))


def test_known_columns_are_read(root: Path) -> None:
    text = "file,label,freesound_id,source_url,author,license\n" + rows(",{label}{i},http://x/{i},Ann,CC0")
    snippet = open_bank(write_csv(root / "clips.csv", text)).sample("dog", np.random.default_rng(0))
    assert snippet.source is not None
    assert snippet.source.startswith("https://freesound.org/s/dog")
    assert (snippet.author, snippet.licence) == ("Ann", "CC0")
    text = "file,label,source_url,licence\n" + rows(",http://x/{label}{i},CC-BY")
    snippet = open_bank(write_csv(root / "clips.csv", text)).sample("dog", np.random.default_rng(0))
    assert snippet.source is not None
    assert snippet.source.startswith("http://x/dog")
    assert (snippet.author, snippet.licence) == (None, "CC-BY")


def test_a_source_is_never_in_both_splits(tmp_path: Path) -> None:
    root = write_labels(tmp_path, LABELS, num=16)
    text = "file,label,source\n" + "".join(
        f"{label}/{label}-{i}.wav,{label},{label}{i // 3}\n" for label in LABELS for i in range(16)
    )
    bank = open_bank(write_csv(root / "clips.csv", text))
    sides: dict[str, set[str]] = {"train": set(), "test": set()}
    for side, split in (("train", bank.split("train")), ("test", bank.split("test"))):
        for name in names(split):
            label, number = name.split("/")[1].removesuffix(".wav").split("-")
            sides[side].add(f"{label}{int(number) // 3}")
    assert sides["train"]
    assert sides["test"]
    assert not sides["train"] & sides["test"]


def test_a_label_of_one_source_is_left_out(tmp_path: Path) -> None:
    root = write_labels(tmp_path, (*LABELS, "siren"))
    text = "file,label,source\n" + rows(",{label}{i}")
    text += "".join(f"siren/siren-{i}.wav,siren,s\n" for i in range(4))
    bank = open_bank(write_csv(root / "clips.csv", text))
    assert bank.labels == LABELS
    assert "different sources" in bank.skipped["siren"]


def test_test_recordings_that_share_a_source_with_training_are_left_out(root: Path) -> None:
    text = "file,label,source,split\n" + "".join(
        f"{label}/{label}-{i}.wav,{label},{label}{'aabc'[i]},{split}\n"
        for label in LABELS
        for i, split in enumerate(("train", "test", "test", "train"))
    )
    bank = open_bank(write_csv(root / "clips.csv", text))
    assert names(bank.split("test")) == {f"{label}/{label}-2.wav" for label in LABELS}
    assert "shares its source with dog/dog-0.wav" in bank.skipped["dog/dog-1.wav"]


def test_copies_across_given_splits_are_left_out(root: Path) -> None:
    (root / "dog/dog-3.wav").write_bytes((root / "dog/dog-0.wav").read_bytes())
    text = "file,label,split\n" + "".join(
        f"{label}/{label}-{i}.wav,{label},{'train' if i < 2 else 'test'}\n" for label in LABELS for i in range(4)
    )
    bank = open_bank(write_csv(root / "clips.csv", text))
    assert "shares its content with dog/dog-0.wav" in bank.skipped["dog/dog-3.wav"]


def test_rows_that_cannot_be_used(root: Path) -> None:
    text = "file,label\n" + rows() + rows() + "dog/gone.wav,dog\n,dog\ndog/dog-1.wav,\n"
    bank = open_bank(write_csv(root / "clips.csv", text))
    assert len(names(bank)) == 12
    assert bank.skipped["dog/gone.wav"] == "no such file"
    assert "no file" in bank.skipped["line 27"]
    assert "no label" in bank.skipped["dog/dog-1.wav"]


def test_a_file_under_two_labels_is_left_out(root: Path) -> None:
    bank = open_bank(write_csv(root / "clips.csv", "file,label\n" + rows() + "dog/dog-0.wav,cat\n"))
    assert "several labels: cat, dog" in bank.skipped["dog/dog-0.wav"]


def test_absolute_paths_do_not_show(root: Path, tmp_path: Path) -> None:
    text = "file,label\n" + "".join(f"{root}/{line}\n" for line in rows().split())
    bank = open_bank(write_csv(tmp_path / "list.csv", text))
    assert "dog/dog-0.wav" in names(bank)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("filename,label", "no column 'file'.*'filename'"),
        ("file,category", "no column 'label'.*'category'"),
        ("file,labl", "no column 'label'; did you mean 'labl'"),
        ("a,b", "no column 'file'.*'a', 'b'"),
    ],
)
def test_columns_that_are_missing(root: Path, header: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_bank(write_csv(root / "clips.csv", header + "\n" + rows()))


def test_files_that_are_no_csv(root: Path) -> None:
    with pytest.raises(ValueError, match="no header"):
        open_bank(write_csv(root / "clips.csv", "\n\n"))
    with pytest.raises(ValueError, match=r"0 usable label\(s\)"):
        open_bank(write_csv(root / "clips.csv", "file,label\n"))
    with pytest.raises(ValueError, match="not UTF-8"):
        open_bank(write_csv(root / "clips.csv", "file,label\nhund/müde.wav,dog\n", encoding="latin-1"))
    with pytest.raises(ValueError, match="zero bytes"):
        open_bank(write_csv(root / "clips.csv", "file,label\na.wav,dog\n", encoding="utf-16-le"))
