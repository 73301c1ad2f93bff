"""Control characters in what a person reads."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text

from retread.app.overview import describe_event
from retread.cli.output import SafeConsole
from retread.core.visible_text import visible, visible_lines
from retread.loop.triggers.commit import named_model
from retread.notify.message import Message
from retread.notify.notifiers.slack import slack_payload
from retread.registry.events import DatasetVersionReleased, VersionArchived

HOSTILE = (
    "\x1b[2J\x1b[Hall is well",
    "\x1b]0;title\x07",
    "\x9b31m",
    "fine.\n2026-11-28 12:00:00  Gate: PASS",
    "a\rb",
    "\x08\x08\x08ok",
    "\u202etxt.exe",
    "a\u2028b",
    "\x00\x7f\x85",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_b07_nothing_of_a_text_controls_the_terminal(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(text) != text
    file = io.StringIO()
    table = Table("note")
    table.add_row(text)
    for one in (text, Text(text), table):
        SafeConsole(file=file, width=200, markup=False).print(one)
    assert visible(file.getvalue().replace("\n", "")).isprintable()
    assert not set(file.getvalue()) & set("\x1b\x9b\x07\x08\r\x00\x7f\x85\u202e\u2028")


@pytest.mark.parametrize("text", HOSTILE)
def test_b07_sentences_and_messages_are_one_line(text: str) -> None:
    for event in (
        DatasetVersionReleased(dataset="a", version=1, reason=text),
        VersionArchived(version=1, reason=text),
    ):
        assert describe_event(event).isprintable()
    message = Message(title=text, lines=(text,), fields={text: text})
    assert message.title.isprintable()
    assert message.lines[0].isprintable()
    assert all(name.isprintable() and value.isprintable() for name, value in message.fields.items())
    assert "\x1b" not in str(slack_payload(message))


@given(st.text())
def test_b07_every_text_becomes_visible_and_stays_so(text: str) -> None:
    once = visible(text)
    assert visible(once) == once
    assert "\n" not in once
    assert visible_lines(text).count("\n") == text.count("\n")


def test_b07_words_of_all_languages_stay_as_they_are() -> None:
    for text in ("Straße", "한국어", "میخواهم", "नमस्ते", "👩‍🔬", "a\u00a0b"):
        assert visible(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "os.path:join",
        "a·b:c",
        "x-y.z:f",
        "subprocess.Popen",
        "\uff4fs:system",
        ":",
        ".",
    ],
)
def test_b07_a_commit_names_no_import_string(name: str) -> None:
    with pytest.raises(Exception, match="not the name"):
        named_model(f"model: {name}")
