from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retread.bundle import (
    ImageInput,
    ImageRules,
    LocalBundleStore,
    Manifest,
    Refit,
    Signature,
    decode_manifest,
    encode_manifest,
)
from retread.core import IntegrityBroken, NotFound, digest_bytes
from retread.core.column_rules import ColumnRules, ValueKind

MakeManifest = Callable[[Mapping[str, bytes]], Manifest]
FILES = {"model.onnx": b"graph", "evidence.npz": b"rows"}

EARLIER = (
    b'{"created_at":"2026-01-01T12:00:00.123456+00:00","files":{},"format":1,"image":null,'
    b'"labels":["a","b"],"lineage":{"cause":{"detail":"","kind":"new-data","trigger":"trg_1"},'
    b'"dataset":"iris","dataset_digest":"sha256:d","dataset_version":1,"environment_digest":"v",'
    b'"evaluation_digest":"sha256:e","git_commit":"c","git_dirty":false,"parameters":{"C":0.5,'
    b'"n":null},"run_id":"run","seed":0},"metrics":{"Accuracy":0.9},"model":"iris",'
    b'"model_type":"linear","parity":{"examples":4,"largest_difference":0.0,"tolerance":0.001},'
    b'"recipe":"tabular-classification","signature":{"inputs":[{"columns":["x"],"datatype":"FP32",'
    b'"name":"features","shape":[-1,1]}],"outputs":[]},"validation":{}}'
)


@pytest.fixture
def store(tmp_path: Path) -> LocalBundleStore:
    return LocalBundleStore(tmp_path / "bundles")


@pytest.mark.parametrize(
    "name", ["../escape", "a/b", "/absolute", "", ".", "..", "a\0b", "x" * 300]
)
def test_a_file_name_is_never_a_path(
    name: str, store: LocalBundleStore, make_manifest: MakeManifest, tmp_path: Path
) -> None:
    files = {name: b"x"}
    with pytest.raises(IntegrityBroken, match="not a file name"):
        store.put(make_manifest(files), files)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("file", ["manifest.json", "model.onnx", "evidence.npz"])
def test_every_changed_byte_is_detected(
    file: str, store: LocalBundleStore, make_manifest: MakeManifest, tmp_path: Path
) -> None:
    digest = store.put(make_manifest(FILES), FILES)
    path = tmp_path / "bundles" / digest.removeprefix("sha256:") / file
    content = bytearray(path.read_bytes())
    for position in range(0, len(content), max(1, len(content) // 40)):
        content[position] ^= 1
        path.write_bytes(content)
        with pytest.raises(IntegrityBroken):
            [store.read(digest, name) for name in FILES]
        content[position] ^= 1
    path.write_bytes(content)
    assert store.read(digest, "model.onnx") == b"graph"


def test_a_lost_file_and_a_link_are_not_the_file(
    store: LocalBundleStore, make_manifest: MakeManifest, tmp_path: Path
) -> None:
    digest = store.put(make_manifest(FILES), FILES)
    path = tmp_path / "bundles" / digest.removeprefix("sha256:") / "model.onnx"
    path.unlink()
    with pytest.raises(IntegrityBroken):
        store.read(digest, "model.onnx")
    other = tmp_path / "other"
    other.write_bytes(b"other")
    path.symlink_to(other)
    with pytest.raises(IntegrityBroken):
        store.read(digest, "model.onnx")
    with pytest.raises(NotFound, match=r"no file '\.\./other'"):
        store.read(digest, "../other")


def test_a_manifest_of_another_shape_is_refused() -> None:
    content = b'{"model": "x"}'
    with pytest.raises(IntegrityBroken, match="malformed"):
        decode_manifest(content, digest_bytes(content))
    with pytest.raises(IntegrityBroken, match="has digest"):
        decode_manifest(content, "sha256:0")


def test_a_manifest_of_another_format_is_refused(make_manifest: MakeManifest) -> None:
    content = encode_manifest(msgspec.structs.replace(make_manifest(FILES), format=2))
    with pytest.raises(IntegrityBroken, match="has format 2; this version of Retread reads 1"):
        decode_manifest(content, digest_bytes(content))


@pytest.mark.parametrize("image", [b"null", b'{"size":32}'])
def test_a_manifest_of_an_earlier_version_keeps_its_bytes(image: bytes) -> None:
    """The digest of the manifest identifies the bundle, so encoding it again must not change it."""
    earlier = EARLIER.replace(b'"image":null', b'"image":' + image)
    manifest = decode_manifest(earlier, digest_bytes(earlier))
    assert manifest.created_at == datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert encode_manifest(manifest) == earlier


def test_what_was_added_to_manifests_is_kept(make_manifest: MakeManifest) -> None:
    numbers = ColumnRules(name="x", kind=ValueKind.NUMBER, decimal=",")
    manifest = msgspec.structs.replace(
        make_manifest(FILES),
        rules=(numbers,),
        label_rules=ColumnRules(name="kind", kind=ValueKind.CATEGORY),
        image=ImageInput(size=32, rules=ImageRules(depth=12)),
        refit=Refit(rows=3, epochs=2, judged=Signature(inputs=(), outputs=())),
    )
    content = encode_manifest(manifest)
    assert decode_manifest(content, digest_bytes(content)) == manifest


def test_what_killed_processes_left_is_removed_after_an_hour(
    store: LocalBundleStore, make_manifest: MakeManifest, tmp_path: Path
) -> None:
    for name, age in (("old", 7200), ("new", 60)):
        folder = tmp_path / "bundles" / f".{name}.partial"
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(b"half")
        os.utime(folder, (time.time() - age, time.time() - age))
    store.put(make_manifest(FILES), FILES)
    left = sorted(path.name for path in (tmp_path / "bundles").glob(".*.partial"))
    assert left == [".new.partial"]


CRASHING = """
import os, signal, sys
from pathlib import Path
import msgspec
from retread.bundle import LocalBundleStore, Manifest

dies_at, calls = int(sys.argv[3]), 0
def counted(real):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    return call

os.fsync = counted(os.fsync)
os.rename = counted(os.rename)
manifest = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=Manifest)
files = {"model.onnx": b"graph", "evidence.npz": b"rows"}
LocalBundleStore(Path(sys.argv[1])).put(manifest, files)
"""


@pytest.mark.slow
def test_killed_at_any_write_a_bundle_exists_entirely_or_not_at_all(
    make_manifest: MakeManifest, tmp_path: Path
) -> None:
    manifest = make_manifest(FILES)
    described = tmp_path / "manifest"
    described.write_bytes(encode_manifest(manifest))
    states = []
    for dies_at in range(1, 20):
        root = tmp_path / f"bundles-{dies_at}"
        command = [sys.executable, "-c", CRASHING, str(root), str(described), str(dies_at)]
        ended = subprocess.run(command, check=False).returncode
        store = LocalBundleStore(root)
        states.append(len(store.digests()))
        for digest in store.digests():
            assert {name: store.read(digest, name) for name in FILES} == FILES
        digest = store.put(manifest, FILES)
        assert store.read(digest, "model.onnx") == b"graph"
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert ended == 0
    assert states[0] == 0
    assert states[-1] == 1
    assert len(states) >= 5


def test_a_failed_write_leaves_nothing(make_manifest: MakeManifest, tmp_path: Path) -> None:
    root = tmp_path / "bundles"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            LocalBundleStore(root).put(make_manifest(FILES), FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(root.iterdir()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    files=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9._-]{0,20}", fullmatch=True).filter(
            lambda name: name != "manifest.json"
        ),
        st.binary(max_size=64),
        max_size=4,
    )
)
def test_any_files_are_read_as_they_were_stored(
    files: dict[str, bytes], store: LocalBundleStore, make_manifest: MakeManifest
) -> None:
    digest = store.put(make_manifest(files), files)
    assert {name: store.read(digest, name) for name in files} == files
