"""The summary: closed or not, and as people read it."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from retread.demos.summary import (
    Goal,
    Measured,
    Moment,
    Summary,
    VersionRow,
    is_closed,
    next_commands,
)
from retread.demos.summary_view import shown

REQUEST = "1a1fd3009a3-f4e1fe-0000000000000001"


def summary(*, closed: bool) -> Summary:
    return Summary(
        demo="tires",
        folder="/there/demo-tires",
        closed=closed,
        seconds=161.0,
        goals=(Goal(what="the alarm leads to a retraining", reached=closed, detail="trg_1"),),
        moments=(Moment(when="1:02", what="Production is now version 1."),),
        versions=(
            VersionRow(
                version=1,
                model_type="cnn",
                data="tires@1",
                stage="Archived",
                cause="manual",
                metrics={"Accuracy": 0.9031, "Loss": 0.3},
            ),
        ),
        caveat=CAVEAT,
        metric="Accuracy",
        measured=(
            Measured(traffic="after the change", who="version 1", mean=0.5, answers=2),
            Measured(traffic="after the change", who="version 2", mean=1.0, answers=1),
        ),
        figures={"ratio": 0.512},
        messages=("tires: the traffic has changed",),
        up="retread up --detach --project demo-tires",
        links=(("http://127.0.0.1:5002", "status"),),
        commands=next_commands("/there/demo-tires", REQUEST, rollback=True),
    )


CAVEAT = "In the data made of traffic, a tire may lie on both sides of a split: it flatters them."


def text_of(value: Summary, width: int = 80) -> str:
    """As the command line prints it: long lines are left to the terminal."""
    stream = io.StringIO()
    Console(file=stream, width=width, soft_wrap=True).print(shown(value))
    return stream.getvalue()


def test_a_closed_loop_is_told_with_its_numbers() -> None:
    text = text_of(summary(closed=True))
    assert "tires: the loop closed in 2 min 41 s" in text
    assert "Accuracy 0.903" in text
    assert "0.5  (2)" in text
    assert "1  (1)" in text
    assert "0.512" in text
    assert "the traffic has changed" in text
    assert CAVEAT in " ".join(text.split())
    assert text.index("retread up --detach --project demo-tires") < text.index("127.0.0.1:5002")


@pytest.mark.parametrize("width", [30, 60, 200])
def test_commands_can_be_copied_whatever_the_width(width: int) -> None:
    lines = [line.strip() for line in text_of(summary(closed=True), width).splitlines()]
    assert f"retread lineage {REQUEST}" in lines
    assert "retread up --detach --project demo-tires" in lines
    assert "http://127.0.0.1:5002" in lines


def test_a_loop_that_did_not_close_says_what_is_missing() -> None:
    text = text_of(summary(closed=False))
    assert "did NOT close" in text
    assert "\N{BALLOT X}" in text


def test_closed_means_that_everything_happened_and_that_something_did() -> None:
    reached = Goal(what="a", reached=True, detail="")
    missed = Goal(what="b", reached=False, detail="")
    assert is_closed([reached, reached])
    assert not is_closed([reached, missed])
    assert not is_closed([])


def test_without_an_earlier_model_there_is_nothing_to_roll_back_to() -> None:
    commands = [command for command, _ in next_commands("x", "id", rollback=False)]
    assert "retread rollback" not in commands


def test_it_is_one_json_document() -> None:
    encoded = msgspec.json.encode(summary(closed=True))
    assert msgspec.json.decode(encoded, type=Summary) == summary(closed=True)
