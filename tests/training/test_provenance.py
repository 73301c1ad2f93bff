"""The environment of a run is listed whole, and without parsing every description."""

from __future__ import annotations

from importlib import metadata

from retread.training.provenance import environment_lock


def test_size_the_environment_lists_what_is_installed() -> None:
    first, *lines = environment_lock().decode().splitlines()
    assert first.startswith("# Python ")
    expected = {
        f"{one.name.lower().replace('_', '-').replace('.', '-')}=={one.version}"
        for one in metadata.distributions()
        if one.name
    }
    assert lines == sorted(expected)
