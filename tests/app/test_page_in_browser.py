"""The status page and the monitor's report in Chromium, on a desktop and on a phone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

import pytest
from tests.app.browser import needs_chromium, page_after_scripts, serious_violations, serving_files
from tests.app.test_control import LIVE, Arbiter, serving

from retread.app.control import Control, Links, control_app
from retread.app.control.application import STATIC
from retread.app.control.page import status_page
from retread.app.overview import LedgerSnapshot, LedgerView, LiveState, Overview, overview
from retread.core import Database, ManualClock
from retread.monitoring import MonitorReport, PastAlarm, PerformanceReport, StreamReport
from retread.monitoring.report import render_page
from retread.registry.events import Event
from retread.registry.sql_ledger import SqlLedger

pytestmark = [pytest.mark.slow, needs_chromium]

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PHONE, DESKTOP = 390, 1280
LINKS = Links(tracking="http://127.0.0.1:5000", serving="http://127.0.0.1:5001")
STYLE = (STATIC / "style.css").read_text("utf-8")

REPORT = MonitorReport(
    version=2,
    since=NOW,
    windows=12,
    requests=1200,
    waiting=7,
    evidence_needed=3.0,
    effect_needed=0.2,
    streams=(
        StreamReport(name="brightness", evidence=42.0, effect=0.7, drifted=True),
        StreamReport(
            name="width of the tread in millimetres", evidence=0.1, effect=0.01, drifted=False
        ),
    ),
    performance=PerformanceReport(
        metric="Accuracy",
        expected=0.9,
        observed=0.7,
        labels=60,
        missed=3,
        degraded=True,
        estimated_accuracy=0.88,
    ),
    past=(PastAlarm(at=NOW, kind="drift", description="brightness (window 4)"),),
)


@pytest.fixture
def shown(tmp_path: Path, first_model: tuple[Event, ...], degrades: tuple[Event, ...]) -> Overview:
    database = Database(f"sqlite:///{tmp_path}/retread.db")
    database.create_tables()
    ledger = SqlLedger(database, ManualClock(NOW), actor="ann")
    ledger.append(*first_model, *degrades)
    found = overview("tires", LedgerView(ledger).read(), (), LIVE)
    database.close()
    return found


def page_of(shown: Overview) -> str:
    """Return the page with its styles in it, as it is served to axe-core."""
    html = status_page(shown, LINKS, NOW + timedelta(minutes=7))
    html = html.replace('<link rel="stylesheet" href="/style.css">', f"<style>{STYLE}</style>")
    return html.replace('<script src="/live.js" defer></script>', "")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_u08_axe_core_finds_nothing_serious(shown: Overview, tmp_path: Path, width: int) -> None:
    assert serious_violations(page_of(shown), tmp_path, width=width) == []
    assert serious_violations(render_page(REPORT), tmp_path, width=width) == []


def test_u08_axe_core_would_find_something(tmp_path: Path) -> None:
    page = '<html lang="en"><title>x</title><body><img src="x.png"></body></html>'
    assert [one["id"] for one in serious_violations(page, tmp_path)] == ["image-alt"]


def test_u08_nothing_is_wider_than_a_phone(shown: Overview, tmp_path: Path) -> None:
    """In a frame of a phone's width: Chromium's own windows are at least 500 pixels wide."""
    for html in (page_of(shown), render_page(REPORT)):
        measure = (
            "const f = document.querySelector('iframe'); f.onload = () => {"
            "const page = f.contentDocument;"
            "document.title = page.documentElement.scrollWidth + ' ' +"
            "Math.max(...[...page.querySelectorAll('li, tr')].map((e) => e.offsetHeight));};"
        )
        frame = (
            f'<iframe width="{PHONE}" height="2000" srcdoc="{escape(html)}"></iframe>'
            f"<script>{measure}</script>"
        )
        with serving_files({"/": ("text/html", frame.encode())}) as address:
            title = re.search(r"<title>(\d+) (\d+)</title>", page_after_scripts(address, tmp_path))
        assert title is not None
        assert int(title[1]) <= PHONE, html[:200]
        assert int(title[2]) <= 120, "a line of a list stays short: its time is above its text"


def test_u08_the_page_follows_the_ledger_without_a_reload(
    tmp_path: Path, first_model: tuple[Event, ...], degrades: tuple[Event, ...]
) -> None:
    database = Database(f"sqlite:///{tmp_path}/retread.db")
    database.create_tables()
    ledger = SqlLedger(database, ManualClock(NOW))
    ledger.append(*first_model)
    reads = []

    def live(_: LedgerSnapshot) -> LiveState:
        reads.append(1)
        if len(reads) == 2:  # the page was shown; now something happens
            ledger.append(*degrades)
        return LIVE

    control = Control(
        "tires",
        LedgerView(ledger),
        tuple,
        live,
        Arbiter(),
        LINKS,
        ManualClock(NOW),
    )
    with serving(control_app(control)) as client:
        page = page_after_scripts(str(client.base_url), tmp_path, wait_ms=16_000)
    assert len(reads) >= 3
    assert "Version 2 was assigned to canary" in page
    database.close()
