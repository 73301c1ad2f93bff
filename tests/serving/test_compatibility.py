"""Which models can score the same rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.bundles import mixed_bundle

from retread.bundle import MODEL, LocalBundleStore, OnnxModel
from retread.core import IntegrityBroken
from retread.core.column_rules import ColumnRules, ValueKind
from retread.serving.reconcile.compatibility import check_compatible
from retread.serving.runtime import Runtime


def test_e01_a_model_that_reads_a_column_as_another_kind_is_not_compared(tmp_path: Path) -> None:
    store = LocalBundleStore(tmp_path)
    digest = mixed_bundle(store)
    manifest = store.manifest(digest)
    model = OnnxModel(store.read(digest, MODEL), manifest.signature)

    def reading_days_as(kind: ValueKind, decimal: str = ".") -> Runtime:
        rules = (
            ColumnRules(name="day", kind=kind),
            ColumnRules(name="hours", kind=ValueKind.NUMBER, decimal=decimal),
        )
        return Runtime(digest, replace(manifest, rules=rules), model, {})

    texts = reading_days_as(ValueKind.CATEGORY)
    check_compatible(reading_days_as(ValueKind.CATEGORY, decimal=","), texts)
    with pytest.raises(IntegrityBroken, match="other kinds of values than production in: day"):
        check_compatible(reading_days_as(ValueKind.BOOLEAN), texts)
