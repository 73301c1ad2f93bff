"""Chromium, as a person's browser: screenshots, the page after its scripts, and axe-core."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

_RESULTS = "axe-results"
_AXE = (
    "axe.run(document, {resultTypes: ['violations']}).then((found) => {"
    "const out = document.createElement('pre'); out.id = '" + _RESULTS + "';"
    "out.textContent = JSON.stringify(found.violations.map((v) => ({id: v.id, impact: v.impact,"
    " nodes: v.nodes.map((n) => n.html)})));"
    "document.body.appendChild(out);});"
)


def page_after_scripts(url: str, folder: Path, *, wait_ms: int = 4000, width: int = 1280) -> str:
    """Return the HTML of a page after its scripts have run for a while."""
    return _chromium(folder, width, f"--virtual-time-budget={wait_ms}", "--dump-dom", url)


def serious_violations(html: str, folder: Path, *, width: int = 1280) -> list[dict[str, Any]]:
    """Return what axe-core finds serious or critical on a page, styles included."""
    script = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    html = html.replace("</body>", f"<script>{script}</script><script>{_AXE}</script></body>")
    with serving_files({"/": ("text/html", html.encode())}) as address:
        shown = page_after_scripts(address, folder, width=width)
    found = re.search(rf'<pre id="{_RESULTS}">(.*?)</pre>', shown, re.DOTALL)
    assert found is not None, "axe-core did not run"
    violations: list[dict[str, Any]] = json.loads(unescape(found[1]))
    return [one for one in violations if one["impact"] in ("serious", "critical")]


@contextmanager
def serving_files(files: dict[str, tuple[str, bytes]]) -> Iterator[str]:
    """Serve files by their path, without the headers of the real server."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = files.get(self.path, ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _chromium(folder: Path, width: int, *arguments: str) -> str:
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder / 'chromium'}",
            f"--window-size={width},2000",
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout
