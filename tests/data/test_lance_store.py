"""Failures that only a folder of Lance tables can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from retread.cli.main import run
from retread.core import IntegrityBroken, NotFound, Unavailable
from retread.data import LanceDatasetStore, verify

from .conftest import Adds, table, version_of

ROWS = table({"r1": "a", "r2": "b"})


def test_a_damaged_dataset_does_not_affect_others(lance: LanceDatasetStore, tmp_path: Path) -> None:
    version = lance.commit(version_of(ROWS), ROWS)
    for name in ("broken", "My Data"):
        (tmp_path / "datasets" / f"{name}.lance" / "_versions").mkdir(parents=True)
        (tmp_path / "datasets" / f"{name}.lance" / "_versions" / "1.manifest").write_text("no")
    assert lance.datasets() == ("broken", "it")
    with pytest.raises(NotFound, match="Existing datasets: broken, it"):
        lance.versions("other")
    with pytest.raises(IntegrityBroken, match="broken"):
        lance.versions("broken")
    assert lance.versions("it") == (version,)


def test_the_list_of_datasets_ends_with_the_damaged_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "retread.toml").touch()
    datasets = tmp_path / ".retread" / "datasets"
    LanceDatasetStore(datasets).commit(version_of(ROWS), ROWS)
    (datasets / "broken.lance" / "_versions").mkdir(parents=True)
    (datasets / "broken.lance" / "_versions" / "1.manifest").write_text("no")
    assert run(["data", "list", "--project", str(tmp_path)]) == 1
    output = capsys.readouterr()
    assert "it@1" in output.out
    assert "stored data of broken cannot be read" in output.err


@pytest.mark.slow
def test_a_folder_that_cannot_be_created_is_not_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "datasets").write_text("in the way")
    with pytest.raises(Unavailable, match="could not be written"):
        LanceDatasetStore(tmp_path / "datasets").commit(version_of(ROWS), ROWS)


def test_columns_may_have_the_names_of_lance_columns(
    lance: LanceDatasetStore, add: Adds, tmp_path: Path
) -> None:
    names = ["_rowid", "_rowaddr", "_rowoffset", "_row_last_updated_at_version", "a`b.c%2E", "é %"]
    lines = [",".join([*names, "y"])]
    # Values that repeat, so that no column is taken for an identifier.
    cells = [[str(10 * (i % 20) + n) for n in range(len(names))] for i in range(60)]
    lines += [",".join([*row, "ab"[i % 2]]) for i, row in enumerate(cells)]
    (tmp_path / "odd.csv").write_text("\n".join(lines))
    version = add(tmp_path / "odd.csv", dataset="odd", labels="y")
    assert [column.name for column in version.schema.columns] == names
    assert min(lance.read(version, columns=["a`b.c%2E"])["a`b.c%2E"].to_pylist()) == 4
    assert verify(lance, version) == 60
