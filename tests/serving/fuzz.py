"""Fuzz a server: `make fuzz`, or `python -m tests.serving.fuzz --seconds 600 [--seed N]`.

Heads, JSON, images and connections that close half way, each a damaged copy of a good one, from
several threads. The rules: every request that arrived whole is answered, no answer is 5xx, nothing
stays held at the end, and in a run of JUDGED_S or more memory stays flat: the server at rest after
the first third is compared with the server at rest after the end.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from PIL import Image
from tests.bundles import iris_bundle, tiny_image_bundle
from tests.serving.running import Served, Server, rows, running, until

from retread.registry.events import Slot

THREADS = 4
FLAT = 0.02
"""The share by which memory may grow after the first third of a run of WARM_S or more."""

FLAT_OF_A_MINUTE = 0.05
"""The same in a run of JUDGED_S, in which caches and threads of the server are still made."""

WARM_S = 300.0
JUDGED_S = 60.0

GIVES_BACK = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
"""Environment in which freed memory goes back to the system, so that what stays is in use."""

_INFER = b"/v2/models/iris/infer"
_IMAGES = b"/v2/models/iris/versions/2/infer"
_ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
_VALUES = [
    b"null", b"true", b"-1", b"1e999", b'"\xff"', b'"\\ud800"', b"{}", b"[[]]", b"9" * 400,
    b'"' + b"a" * 3000 + b'"', b"[" * 2000, b"NaN", b'"\\u0000"', b"1.5", b'"x"', b"",
]  # fmt: skip
_LINES = [
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings", b"Expect: 100-continue",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Content-Length: 5",
    b"Content-Length: 99999999999", b"Host: b", b"Origin: null", b"Content-Encoding: gzip",
    b"Content-Encoding: br", b"X-Request-Id: \xff\xfe", b"X-Request-Id: a=b",
    b"X-Retread-Key: \xe9",
    b"X-Retread-Slot: nowhere", b"X-Retread-Slot: staging", b"Connection: close", b"Connection: ,",
    b"Content-Type: image/jpeg", b"Content-Type: text/plain", b"Content-Type: ", b"A" * 70_000,
    b"A: " + b"b" * 70_000, b": a", b"A : b", b"\x00: a", b" folded", b"Content-Length: -1",
]  # fmt: skip
_TARGETS = [
    _INFER, _IMAGES, b"/invocations", b"/v2/models/iris/feedback", b"/v2/models/iris", b"/metrics",
    b"/v2/health/live", b"/%ff%00", b"/\xff", b"*", b"http://a/v2", b"//", b"/../..", b"/?\xe9=%",
    b"/v2/models/%e0%80/infer", b"/v2/models/iris/versions/99/infer", b"", b"/ping", b"/version", b"http://",
]  # fmt: skip
_METHODS = [b"POST", b"GET", b"HEAD", b"CONNECT", b"OPTIONS", b"PUT", b"PRI", b"get", b"\x16\x03"]


@dataclass
class Found:
    """What a fuzz has found; the first `failures` say what to mend."""

    answers: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    growth: float = 0.0


class Fuzzer:
    """One thread's requests, from its seed."""

    def __init__(self, server: Server, seed: int, found: Found) -> None:
        self._random = random.Random(seed)
        host, _, port = server.address.removeprefix("http://").rpartition(":")
        self._address = host, int(port)
        self._found = found
        self._kinds: list[Callable[[], tuple[bytes, bytes]]] = [self._json, self._image, self._head]

    def step(self) -> None:
        """Send one case, and judge the answer."""
        head, body = self._random.choice(self._kinds)()
        sent = head + body
        way = self._random.random()
        cut = len(sent) if way < 0.7 else self._random.randint(1, len(sent))
        try:
            with socket.create_connection(self._address, timeout=40) as connection:
                received = self._exchange(connection, sent[:cut], way)
        except (ConnectionResetError, BrokenPipeError):
            return  # the server has refused and we went on sending
        except TimeoutError:
            self._fail(sent[:cut], "no answer")
            return
        if received is not None:
            self._judge(sent[:cut], received)

    def _exchange(self, connection: socket.socket, sent: bytes, way: float) -> bytes | None:
        connection.sendall(sent)
        if way > 0.9:  # gone without waiting, with a reset or without
            linger = struct.pack("ii", 1, 0)
            if way > 0.95:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return None
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
        return received

    def _judge(self, sent: bytes, received: bytes) -> None:
        if not received:
            if sent.strip(b"\r\n"):
                self._fail(sent, "closed without an answer")
            return
        for answer in received.split(b"HTTP/1.1 ")[1:]:
            status = int(answer[:3])
            self._found.answers[status] += 1
            if status >= 500:
                self._fail(sent, answer[:300].decode("latin-1"))

    def _fail(self, sent: bytes, what: str) -> None:
        self._found.failures.append(f"{what}: {len(sent)} bytes {sent[:600]!r}")

    def _json(self) -> tuple[bytes, bytes]:
        pick = self._random
        path = pick.choice(_TARGETS[:4])
        bodies = {
            _INFER: rows(tuple(_ROW.values())),
            b"/invocations": {"dataframe_records": [_ROW]},
            b"/v2/models/iris/feedback": {"id": "a", "label": "setosa"},
        }
        body = json.dumps(bodies.get(path, rows(tuple(_ROW.values())))).encode()
        for _ in range(pick.randint(0, 3)):
            at = pick.randrange(len(body))
            end = at + pick.choice((0, 1, 1, 5))
            body = body[:at] + pick.choice([*_VALUES, bytes([pick.randrange(256)])]) + body[end:]
        if pick.random() < 0.05:
            body += b" " * pick.randint(60_000, 300_000)
        return self._request(path, body, b"application/json"), body

    def _image(self) -> tuple[bytes, bytes]:
        pick = self._random
        file = io.BytesIO()
        kind = pick.choice(("JPEG", "PNG", "WEBP", "BMP"))
        size = pick.choice((1, 8, 32, 300))
        image = Image.new("RGB", (size, size), tuple(pick.randrange(256) for _ in range(3)))
        image.save(file, kind, **({"progressive": True} if kind == "JPEG" else {}))
        content = bytearray(file.getvalue())
        for _ in range(pick.randint(0, 6)):
            content[pick.randrange(len(content))] = pick.randrange(256)
        body = bytes(content[: pick.randint(1, len(content))] if pick.random() < 0.2 else content)
        return self._request(_IMAGES, body, b"image/" + kind.lower().encode()), body

    def _head(self) -> tuple[bytes, bytes]:
        pick = self._random
        body = json.dumps(rows(tuple(_ROW.values()))).encode()
        lines = [pick.choice(_LINES) for _ in range(pick.randint(1, 3))]
        head = self._request(pick.choice(_TARGETS), body, b"application/json", lines)
        if pick.random() < 0.5:
            head = head.replace(b"POST", pick.choice(_METHODS), 1)
        if pick.random() < 0.3:
            at = pick.randrange(len(head))
            head = head[:at] + bytes([pick.randrange(256)]) + head[at + 1 :]
        return head, body

    def _request(
        self, path: bytes, body: bytes, kind: bytes, lines: list[bytes] | None = None
    ) -> bytes:
        head = [b"POST %b HTTP/1.1" % path, b"Host: localhost", b"Content-Type: " + kind]
        head += [b"Content-Length: %d" % len(body), *(lines or [])]
        return b"\r\n".join([*head, b"", b""])


def fuzz(server: Server, seconds: float, seed: int) -> Found:
    """Fuzz a server, whose environment has GIVES_BACK, for some seconds; return what was found."""
    found = Found()
    _fuzz_for(server, seconds / 3, seed, found)
    warm = _memory_at_rest(server, found)
    _fuzz_for(server, seconds * 2 / 3, seed + THREADS, found)
    found.growth = _memory_at_rest(server, found) / warm - 1
    allowed = FLAT if seconds >= WARM_S else FLAT_OF_A_MINUTE
    if found.growth > allowed and seconds >= JUDGED_S:
        found.failures.append(f"memory has grown by {found.growth:.1%}")
    if "Traceback" in server.log:
        found.failures.append(server.log[server.log.index("Traceback") :][:3000])
    return found


def _fuzz_for(server: Server, seconds: float, seed: int, found: Found) -> None:
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        fuzzer = Fuzzer(server, seed + number, found)
        while time.monotonic() < end and len(found.failures) < 20:
            fuzzer.step()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _memory_at_rest(server: Server, found: Found) -> int:
    """Return the least memory of a second in which nothing is held."""
    _check_idle(server, found)
    process = psutil.Process(server.process.pid)
    seen = []
    for _ in range(20):
        time.sleep(0.05)
        seen.append(process.memory_info().rss)
    return min(seen)


def _check_idle(server: Server, found: Found) -> None:
    names = ("retread_pending", "retread_held_rows", "retread_held_bytes")

    def is_idle() -> bool:
        text = server.http.get("/metrics").text
        return all(f'{name}{{worker="0"}} 0.0' in text for name in names)

    try:
        until(is_idle, "nothing is held", 20.0)
    except AssertionError:
        found.failures.append(server.http.get("/metrics").text)


def make_server(folder: Path) -> Served:
    """Make a project with a table model in production and an image model in staging."""
    served = Served.make(folder, "[serving]\nmax_body_mb = 1.0\nmax_rows = 5000\n")
    served.assign(1, iris_bundle(served.bundles))
    served.assign(2, tiny_image_bundle(served.bundles), Slot.STAGING)
    return served


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.seconds:.0f} s", flush=True)  # noqa: T201
    with (
        tempfile.TemporaryDirectory() as folder,
        running(make_server(Path(folder)), **GIVES_BACK) as server,
    ):
        found = fuzz(server, options.seconds, options.seed)
    print(dict(sorted(found.answers.items())), f"memory {found.growth:+.1%}")  # noqa: T201
    for failure in found.failures:
        print(failure, file=sys.stderr)  # noqa: T201
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
