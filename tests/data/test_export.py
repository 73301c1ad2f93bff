"""Versions are exported to files, from which the same version can be made again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from retread.core import Conflict, InvalidInput, UnknownOption
from retread.data import IMAGE, LABEL, SOURCE, DatasetStore, export

from .conftest import Adds, Grows, Images, table, version_of, write_image


def test_images_are_exported_to_class_folders_and_imported_again(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    source = images()
    write_image(source / "good" / "deep" / "0001.jpg", 901)
    version = add(source)
    export(store, version, tmp_path / "out")
    assert len(list((tmp_path / "out" / "good").iterdir())) == 41
    again = add(tmp_path / "out", dataset="again")
    assert again.digest == version.digest
    with pytest.raises(Conflict, match="not empty"):
        export(store, version, tmp_path / "out")


@pytest.mark.slow
def test_images_without_a_file_get_one(
    store: DatasetStore, images: Images, add: Adds, grow: Grows, tmp_path: Path
) -> None:
    add(images())
    files = [tmp_path / name for name in ("a.png", "b.jpg", "c.webp", "d.bmp")]
    for seed, file in enumerate(files, start=800):
        write_image(file, seed)
    sources = ["request-1", "request-2", ".hidden", "request.4"]
    rows = {LABEL: ["good"] * 4, SOURCE: sources, IMAGE: [file.read_bytes() for file in files]}
    version = grow(pa.table(rows))
    export(store, version, tmp_path / "out")
    names = {"request-1.png", "request-2.jpg", "hidden.webp", "request.4.bmp"}
    assert names <= {path.name for path in (tmp_path / "out" / "good").iterdir()}
    assert add(tmp_path / "out", dataset="again").digest == version.digest


def test_a_version_is_exported_to_the_current_directory(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = add(images())
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    export(store, version, Path())
    assert (tmp_path / "here" / "manifest.csv").is_file()


@pytest.mark.parametrize("table_format", ["csv", "parquet"])
def test_tables_are_exported_to_a_file(
    store: DatasetStore, tmp_path: Path, table_format: str
) -> None:
    rows = table({"r1": "a", "r2": "b"}, {"r1": 0.1, "r2": 2.0})
    version = store.commit(version_of(rows), rows)
    export(store, version, tmp_path / "out", table_format=table_format, label_column="kind")
    path = tmp_path / "out" / f"it-1.{table_format}"
    frame = pd.read_csv(path) if table_format == "csv" else pd.read_parquet(path)
    assert frame["kind"].tolist() == ["a", "b"]
    assert frame["x"].tolist() == [0.1, 2.0]
    with pytest.raises(UnknownOption, match="csv, parquet"):
        export(store, version, tmp_path / "other", table_format="xls")


def test_a_label_cannot_escape_the_folder(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    source = images()
    data = [f'{{"FilePath": "good/{i:04}.jpg", "label_value": "../{i % 2}"}}' for i in range(40)]
    (source / "labels.json").write_text(f'{{"annotation": {{"data": [{",".join(data)}]}}}}')
    version = add(source, labels="labels.json")
    with pytest.raises(InvalidInput, match="cannot be used as a folder name"):
        export(store, version, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["datasets", "src"]
