"""Add versions from image folders."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from retread.core import Conflict, InvalidInput, NotFound, RetreadError, UnknownOption
from retread.core.quarantine import VersionState
from retread.data import (
    DIGEST,
    GROUP,
    ID,
    LABEL,
    SOURCE,
    SPLIT,
    TIMESTAMP,
    DatasetStore,
    Split,
    diff,
    split_of,
    verify,
)
from retread.data.images import gather

from .conftest import Adds, Images, write_image


def test_a_folder_becomes_a_released_version(
    store: DatasetStore, images: Images, add: Adds
) -> None:
    version = add(images(), note="first")
    assert (version.reference, version.state, version.note) == (
        "tires@1",
        VersionState.RELEASED,
        "first",
    )
    assert version.labels == {"defective": 40, "good": 40}
    assert sum(version.splits.values()) == version.rows == 80
    rows = store.read(version)
    sources = dict(zip(rows[SOURCE].to_pylist(), rows["image"].to_pylist(), strict=True))
    for path in (images() / "good").iterdir():
        assert sources[f"good/{path.name}"] == path.read_bytes()
    assert version.profile["width"]["mean"] == 48
    assert 0 < version.profile["brightness"]["mean"] < 1
    assert verify(store, version) == 80


def test_adding_the_same_again_makes_no_version(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    first = add(images(), index=index)
    assert add(images(), index=index) == first
    assert len(store.versions("tires")) == 1


@pytest.mark.parametrize("indexed", [False, True], ids=["without an index", "with an index"])
def test_a_second_version_has_the_current_images_of_the_folder(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path, indexed: bool
) -> None:
    index = tmp_path / "index" if indexed else None
    source = images()
    first = add(source, index=index)
    (source / "good" / "0000.jpg").unlink()
    write_image(source / "good" / "0500.jpg", 500)
    (source / "good" / "0001.jpg").rename(source / "defective" / "0001.jpg")
    write_image(source / "good" / "0002.jpg", 502)
    second = add(source, index=index)
    change = diff(store, first, second)
    assert (change.added, change.removed, change.relabelled, change.moved) == (2, 2, 1, 0)
    assert change.labels == {"defective": 1, "good": -1}
    assert change.examples["relabelled"] == ("defective/0001.jpg",)
    for version in (first, second):
        verify(store, version)


@pytest.mark.slow
def test_append_keeps_the_existing_rows(store: DatasetStore, images: Images, add: Adds) -> None:
    first = add(images())
    more = images(good=range(38, 60), defective=[], at="more")
    second = add(more, append=True)
    assert second.labels == {"defective": 40, "good": 60}
    change = diff(store, first, second)
    assert (change.added, change.removed, change.relabelled) == (20, 0, 0)
    assert second.profile["width"]["count"] == 100
    verify(store, second)


def test_a_manifest_gives_groups_and_timestamps(
    store: DatasetStore, images: Images, add: Adds
) -> None:
    source = images()
    lines = ["file,label,group,timestamp"]
    lines += [f"good/{i:04}.jpg,good,tire{i // 4},2026-01-01T00:00:{i:02}" for i in range(40)]
    (source / "manifest.csv").write_text("\n".join(lines))
    rows = store.read(add(source), columns=[SOURCE, GROUP, SPLIT, TIMESTAMP]).to_pylist()
    found = {row[SOURCE]: row for row in rows}
    assert found["good/0005.jpg"][GROUP] == "tire1"
    assert found["good/0005.jpg"][TIMESTAMP].second == 5
    assert found["defective/0100.jpg"][TIMESTAMP] is None
    assert len({found[f"good/{i:04}.jpg"][SPLIT] for i in range(4)}) == 1


def test_a_manifest_can_be_combined_with_json_labels(
    store: DatasetStore, images: Images, add: Adds
) -> None:
    source = images()
    names = [path.relative_to(source).as_posix() for path in sorted(source.rglob("*.jpg"))]
    data = [{"FilePath": name, "label_value": i % 2} for i, name in enumerate(names)]
    (source / "labels.json").write_text(json.dumps({"annotation": {"data": data}}))
    lines = ["file,tire", *(f"{name},tire{i // 4}" for i, name in enumerate(names))]
    (source / "manifest.csv").write_text("\n".join(lines))
    version = add(source, labels="labels.json", settings={"group": "tire"})
    groups = store.read(version, columns=[GROUP])[GROUP].to_pylist()
    assert set(groups) == {f"tire{i}" for i in range(20)}


@pytest.mark.parametrize("labels", ["folder", "labels.json"])
@pytest.mark.parametrize("setting", ["group", "timestamp"])
@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (None, r"but there is no .*manifest\.csv"),
        (
            ["photos/{name},2026-01-01"],
            r"2 of 2 images: bad/2\.jpg, good/1\.jpg\. Rows without an image: ",
        ),
        (["good/1.jpg,2026-01-01"], r"for 1 of 2 images: bad/2\.jpg\."),
        (["good/1.jpg,2026-01-01", "bad/2.jpg,"], r"for 1 of 2 images: bad/2\.jpg\."),
    ],
    ids=["no manifest", "other paths", "a file without a row", "a row without a value"],
)
def test_a_required_group_or_timestamp_must_be_given_for_each_image(
    store: DatasetStore,
    add: Adds,
    tmp_path: Path,
    labels: str,
    setting: str,
    rows: list[str] | None,
    problem: str,
) -> None:
    source = tmp_path / "src"
    names = ["good/1.jpg", "bad/2.jpg"]
    for seed, name in enumerate(names):
        write_image(source / name, seed)
    data = [{"FilePath": name, "label_value": name[0]} for name in names]
    (source / "labels.json").write_text(json.dumps({"annotation": {"data": data}}))
    if rows is not None:
        lines = [row.format(name=name) for row in rows for name in names]
        (source / "manifest.csv").write_text("\n".join([f"file,{setting}", *lines]))
    with pytest.raises(InvalidInput, match=problem):
        add(source, labels=labels, settings={setting: setting})
    assert store.datasets() == ()


def test_a_manifest_about_other_images_is_refused(images: Images, add: Adds) -> None:
    source = images()
    (source / "manifest.csv").write_text("file,group\nphotos/1.jpg,a\n")
    with pytest.raises(InvalidInput, match=r"none of the images.* without an image: photos/1\.jpg"):
        add(source)


@pytest.mark.slow
def test_timestamps_can_be_added_and_corrected(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    source = images()
    first = add(source)
    versions = [first]
    for year in (2025, 2026):
        (source / "manifest.csv").write_text(f"file,timestamp\n0003.jpg,{year}-05-01\n")
        versions.append(add(source))
    assert [version.number for version in versions] == [1, 2, 3]
    assert len({version.digest for version in versions}) == 3
    assert {version.evaluation_digest for version in versions} == {first.evaluation_digest}
    times = [store.read(v, columns=[SOURCE, TIMESTAMP]).to_pylist() for v in versions]
    found = [{row[SOURCE]: row[TIMESTAMP] for row in rows}["good/0003.jpg"] for rows in times]
    assert [timestamp and timestamp.year for timestamp in found] == [None, 2025, 2026]
    assert add(source) == versions[-1]
    for version in versions:
        verify(store, version)


def test_copies_in_other_formats_share_a_group(
    store: DatasetStore, images: Images, add: Adds
) -> None:
    source = images()
    Image.open(source / "good" / "0003.jpg").save(source / "good" / "copy.png")
    shutil.copy(source / "good" / "0004.jpg", source / "good" / "again.jpg")
    rows = store.read(add(source), columns=[SOURCE, GROUP, ID]).to_pylist()
    groups = {row[SOURCE]: row[GROUP] for row in rows}
    assert groups["good/0003.jpg"] == groups["good/copy.png"] != groups["good/0005.jpg"]
    assert groups["good/0004.jpg"] == groups["good/again.jpg"]


def test_flat_images_are_not_near_duplicates(
    store: DatasetStore, images: Images, add: Adds
) -> None:
    source = images()
    for value in range(10):
        Image.new("RGB", (32, 32), (value * 20, 0, 0)).save(source / "good" / f"flat{value}.png")
    rows = store.read(add(source), columns=[SOURCE, GROUP]).to_pylist()
    assert len({row[GROUP] for row in rows if "flat" in row[SOURCE]}) == 10


def test_json_labels(store: DatasetStore, images: Images, add: Adds) -> None:
    source = images()
    data = [
        {"FilePath": str(path.relative_to(source)), "label_value": i % 2}
        for i, path in enumerate(sorted(source.rglob("*.jpg")))
    ]
    (source / "labels.json").write_text(json.dumps({"annotation": {"data": data}}))
    version = add(source, labels="labels.json")
    assert version.labels == {"0": 40, "1": 40}
    assert set(store.read(version, columns=[LABEL])[LABEL].to_pylist()) == {"0", "1"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "not a label file"),
        ("[]", "not a label file"),
        ('{"annotation": {"data": []}}', "lists no files"),
        ('{"annotation": {"data": [{"FilePath": "good/0000.jpg"}]}}', "label_value"),
        ('{"annotation": {"data": [{"FilePath": "../x.jpg", "label_value": "a"}]}}', "outside"),
        ('{"annotation": {"data": [{"FilePath": "/etc/passwd", "label_value": 1}]}}', "outside"),
        (
            '{"annotation": {"data": [{"FilePath": "a\\u0000b", "label_value": 1}]}}',
            "not a valid path",
        ),
        ('{"annotation": {"data": [{"FilePath": "none.jpg", "label_value": 1}]}}', "not in"),
        ('{"annotation": {"data": [{"FilePath": "good/0000.jpg", "label_value": ""}]}}', "label"),
        (
            '{"annotation": {"data": [{"FilePath": "good/0000.jpg", "label_value": 1},'
            '{"FilePath": "good/0000.jpg", "label_value": 2}]}}',
            "two labels",
        ),
    ],
    ids=[
        "not JSON",
        "not an object",
        "no files",
        "no label",
        "a path outside",
        "an absolute path",
        "an invalid path",
        "a missing file",
        "an empty label",
        "two labels",
    ],
)
def test_bad_label_files_are_refused(
    store: DatasetStore, images: Images, add: Adds, content: str, problem: str
) -> None:
    source = images()
    (source / "labels.json").write_text(content)
    with pytest.raises(RetreadError, match=problem):
        add(source, labels="labels.json")
    assert store.datasets() == ()


def test_unusable_sources_are_refused(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    with pytest.raises(NotFound, match="no file or folder"):
        add(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InvalidInput, match="no images in class folders"):
        add(empty)
    with pytest.raises(InvalidInput, match="same label, 'good'"):
        add(images(defective=[], at="one"))
    with pytest.raises(NotFound, match=r"labels\.json"):
        add(images(), labels="labels.json")
    with pytest.raises(InvalidInput, match="Unsupported source"):
        add(images(), labels="species")
    with pytest.raises(InvalidInput, match="dataset name"):
        add(images(), dataset="../tires")
    with pytest.raises(UnknownOption, match="positive_label 'broken'"):
        add(images(), positive_label="broken")
    (empty / "good").mkdir()
    (empty / "good" / "a.jpg").write_text("no image")
    with pytest.raises(InvalidInput, match=r"None of the 1 images can be read; good/a\.jpg"):
        add(empty)
    (tmp_path / "file.pdf").write_text("x")
    with pytest.raises(InvalidInput, match="Unsupported source"):
        add(tmp_path / "file.pdf")
    (tmp_path / "file.txt").write_text("x")  # a table, by its name
    with pytest.raises(InvalidInput, match=r"file\.txt has a single line"):
        add(tmp_path / "file.txt")
    assert store.datasets() == ()


def test_a_link_out_of_the_folder_is_refused(images: Images, add: Adds, tmp_path: Path) -> None:
    source = images()
    write_image(tmp_path / "outside.jpg", 7)
    (source / "good" / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    with pytest.raises(InvalidInput, match=r"link\.jpg is a link to a target outside"):
        add(source)
    (source / "good" / "link.jpg").unlink()
    write_image(tmp_path / "elsewhere" / "1.jpg", 8)
    (source / "torn").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput, match="torn is a link to a target outside"):
        add(source)


def test_broken_images_go_to_quarantine_with_their_names(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    source, index = images(), tmp_path / "index"
    whole = (source / "good" / "0000.jpg").read_bytes()
    (source / "good" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (source / "good" / "text.jpg").write_text("no image")
    version = add(source, index=index)
    assert version.state is VersionState.QUARANTINED
    assert [check.check for check in version.failed_checks] == ["readable"]
    assert "good/cut.jpg" in version.failed_checks[0].reason
    assert version.failed_checks[0].numbers == {
        "unreadable": 2,
        "readable": 80,
        "left_out": 0,
    }
    assert add(source, index=index) == version
    (source / "good" / "cut.jpg").unlink()
    (source / "good" / "text.jpg").unlink()
    repaired = add(source, index=index)
    assert (repaired.number, repaired.state) == (2, VersionState.RELEASED)
    assert repaired.digest == version.digest
    for name in ("text.jpg", "more.jpg"):
        (source / "good" / name).write_text("no image")
    assert add(source, index=index).state is VersionState.QUARANTINED


def test_a_released_version_stays_released_when_added_again(
    store: DatasetStore, images: Images, add: Adds
) -> None:
    source = images()
    (source / "good" / "text.jpg").write_text("no image")
    add(source)
    store.release("tires", 1)
    assert add(source).state is VersionState.RELEASED
    assert len(store.versions("tires")) == 1


def test_a_changed_image_is_read_again(
    store: DatasetStore, images: Images, add: Adds, tmp_path: Path
) -> None:
    source, index = images(), tmp_path / "index"
    first = add(source, index=index)
    write_image(source / "good" / "0000.jpg", 900)
    second = add(source, index=index)
    assert diff(store, first, second).added == 1
    index.write_bytes(b"damaged")
    assert add(source, index=index) == second


def test_flipped_labels_are_quarantined(store: DatasetStore, images: Images, add: Adds) -> None:
    source = images()
    add(source)
    (source / "good").rename(source / "x")
    (source / "defective").rename(source / "good")
    (source / "x").rename(source / "defective")
    flipped = add(source)
    assert flipped.state is VersionState.QUARANTINED
    assert {check.check for check in flipped.failed_checks} == {"relabelled", "evaluation"}
    assert store.version("tires").number == 1


def test_an_image_with_two_labels_is_quarantined(images: Images, add: Adds) -> None:
    source = images()
    shutil.copy(source / "good" / "0000.jpg", source / "defective" / "copy.jpg")
    version = add(source)
    assert [check.check for check in version.failed_checks] == ["duplicates"]


def test_an_image_in_two_splits_is_quarantined(images: Images, add: Adds) -> None:
    source = images()
    shutil.copy(source / "good" / "0000.jpg", source / "good" / "copy.jpg")
    shares = {"evaluation_share": 0.2, "validation_share": 0.15}
    groups = {split_of(f"g{i}", **shares): f"g{i}" for i in range(40)}
    lines = [f"0000.jpg,{groups[Split.TRAIN]}", f"copy.jpg,{groups[Split.VALIDATION]}"]
    (source / "manifest.csv").write_text("\n".join(["file,group", *lines]))
    version = add(source, settings=shares)
    assert [check.check for check in version.failed_checks] == ["duplicates"]


def test_the_evaluation_digest_covers_the_evaluation_split_alone(
    store: DatasetStore, images: Images, add: Adds
) -> None:
    source = images()
    first = add(source)
    rows = store.read(first, columns=[SOURCE, SPLIT, DIGEST]).to_pylist()
    train = next(row[SOURCE] for row in rows if row[SPLIT] == Split.TRAIN.value)
    (source / train).unlink()
    second = add(source)
    assert second.digest != first.digest
    assert second.evaluation_digest == first.evaluation_digest
    evaluated = next(row[SOURCE] for row in rows if row[SPLIT] == Split.EVALUATION.value)
    (source / evaluated).unlink()
    assert add(source).evaluation_digest != first.evaluation_digest


def test_a_file_that_changes_while_it_is_added_is_a_conflict(
    store: DatasetStore, images: Images, add: Adds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "_CACHE_BYTES", 0)
    source = images()
    assert add(source).rows == 80
    write_image(source / "good" / "0600.jpg", 600)

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "Reading images" and done == total:
            write_image(source / "good" / "0600.jpg", 601)

    with pytest.raises(Conflict, match=r"good/0600\.jpg changed while it was being added"):
        add(source, progress=progress)
    assert len(store.versions("tires")) == 1


def test_a_label_without_images_is_refused(store: DatasetStore, images: Images, add: Adds) -> None:
    (images() / "torn").mkdir()
    with pytest.raises(InvalidInput, match=r"Label folder .*torn contains no images"):
        add(images())
    with pytest.raises(NotFound):
        store.versions("tires")


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_pipe_or_broken_link_is_refused_without_blocking(
    store: DatasetStore, images: Images, add: Adds, kind: str
) -> None:
    path = images() / "good" / "x.png"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere.png")
    with pytest.raises(InvalidInput, match=r"x\.png is not a regular file"):
        add(images())
