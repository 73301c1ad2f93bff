"""Where the labels and the splits are in a folder of photos, by the names of its folders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from retread.data import LABEL, SPLIT

from .pictures import Files, numbered, read, write


def layout(*folders: str) -> Files:
    return {
        name: content
        for position, folder in enumerate(folders)
        for name, content in numbered(folder + "/{}.png", first=50 * position).items()
    }


@pytest.mark.parametrize(
    ("train", "held_out"),
    [("train_set", "test_set"), ("01_train", "02_test"), ("train2017", "val2017"),
     ("Train-Data", "Test Data"), ("traindata", "holdout"), ("train_images", "dev_images"),
     ("학습", "검증"), ("훈련", "평가")],
)  # fmt: skip
def test_d3_names_around_the_words_of_splits_are_no_labels(
    train: str, held_out: str, tmp_path: Path
) -> None:
    labels = [f"{split}/{label}" for split in (train, held_out) for label in ("good", "bad")]
    examples = read(write(tmp_path, layout(*labels)))
    assert Counter(examples.rows[LABEL].to_pylist()) == {"good": 12, "bad": 12}
    assert Counter(examples.rows[SPLIT].to_pylist())["train"] == 12


@pytest.mark.parametrize("names", [("test1", "test2"), ("trained", "untrained"), ("latest", "old")])
def test_d3_labels_that_resemble_splits_are_labels(names: tuple[str, str], tmp_path: Path) -> None:
    examples = read(write(tmp_path, layout(*names)))
    assert Counter(examples.rows[LABEL].to_pylist()) == dict.fromkeys(names, 6)


@pytest.mark.parametrize(
    "folders",
    [("data/good", "data/bad"), ("lake/train/good", "lake/train/bad", "lake/test/good"),
     ("photos/good/train", "photos/good/test", "photos/bad/train", "photos/bad/test")],
)  # fmt: skip
def test_d3_a_folder_around_all_others_is_no_label(
    folders: tuple[str, ...], tmp_path: Path
) -> None:
    examples = read(write(tmp_path, layout(*folders)))
    assert set(examples.rows[LABEL].to_pylist()) == {"good", "bad"}


def test_d3_folders_that_every_label_has_are_told(tmp_path: Path) -> None:
    sites = [f"{site}/{label}" for site in ("north", "south") for label in ("good", "bad")]
    examples = read(write(tmp_path, layout(*sites)))
    assert set(examples.rows[LABEL].to_pylist()) == {"north", "south"}
    assert "(north, south, ...), not those in each of them (bad, good)" in examples.remarks[0]
