"""The contract of BundleStore, tested with every implementation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from retread.bundle import BundleStore, LocalBundleStore, Manifest, encode_manifest
from retread.core import IntegrityBroken, NotFound, digest_bytes

MakeManifest = Callable[[Mapping[str, bytes]], Manifest]
FILES = {"model.onnx": b"graph", "evidence.npz": b"rows"}


@pytest.fixture(params=["local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BundleStore:
    """Every implementation; a new one (such as S3) is added to the parameters."""
    adapters = {"local": lambda: LocalBundleStore(tmp_path / "bundles")}
    return adapters[request.param]()


def test_a_stored_bundle_can_be_read(store: BundleStore, make_manifest: MakeManifest) -> None:
    manifest = make_manifest(FILES)
    digest = store.put(manifest, FILES)
    assert digest == digest_bytes(encode_manifest(manifest))
    assert store.manifest(digest) == manifest
    assert store.read(digest, "model.onnx") == b"graph"
    assert store.digests() == (digest,)
    assert store.put(manifest, FILES) == digest
    assert store.digests() == (digest,)


def test_files_that_the_manifest_does_not_name_are_refused(
    store: BundleStore, make_manifest: MakeManifest
) -> None:
    manifest = make_manifest(FILES)
    for files in ({**FILES, "extra": b""}, {"model.onnx": b"graph"}, {**FILES, "model.onnx": b""}):
        with pytest.raises(IntegrityBroken, match="do not match its manifest"):
            store.put(manifest, files)
    assert store.digests() == ()


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "sha256:../..", "../../x", "", "sha256:"])
def test_a_digest_is_never_a_path(digest: str, store: BundleStore) -> None:
    with pytest.raises(NotFound):
        store.manifest(digest)
