"""The monitor report as one self-contained page."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader

from retread.monitoring.report import MonitorReport


def render_page(report: MonitorReport) -> str:
    """HTML without script; every name in it is escaped."""
    environment = Environment(
        loader=PackageLoader("retread.monitoring", "pages"), autoescape=True, trim_blocks=True
    )
    return environment.get_template("report.html").render(report=report)
