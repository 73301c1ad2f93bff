"""Settings of single columns."""

from __future__ import annotations

import pytest

from retread.core import InvalidSettings
from retread.project import parse_settings


def test_d4_words_for_missing_values_are_a_list_of_texts() -> None:
    def parsed(missing: object) -> tuple[str, ...] | None:
        values = {"project": {"name": "a"}, "data": {"columns": {"x": {"missing": missing}}}}
        return parse_settings(values, source="the test").data.columns["x"].missing

    assert parsed(["?", "-"]) == ("?", "-")
    for wrong in ("?", [5]):
        with pytest.raises(InvalidSettings, match=r"data\.columns\.x\.missing"):
            parsed(wrong)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "CEST2", "+09:00"])
def test_e31_a_time_zone_that_does_not_exist_is_named(zone: str) -> None:
    values = {"project": {"name": "a"}, "data": {"columns": {"at": {"zone": zone}}}}
    with pytest.raises(InvalidSettings, match=r"data\.columns\.at\.zone.*should be a time zone"):
        parse_settings(values, source="the test")
