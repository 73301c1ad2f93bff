"""One server process: its own small composition root."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable
from importlib.metadata import version

from retread.bundle import LocalBundleStore
from retread.core import Database, SystemClock, new_id
from retread.project import LoadedProject
from retread.registry.sql_ledger import SqlLedger
from retread.registry.sql_servers import SqlServerDirectory
from retread.serving.dataplane import DataPlane
from retread.serving.following import Follower, LastGoodFile, Loader, try_in_child
from retread.serving.http.app import build_app
from retread.serving.http.front import Front
from retread.serving.http.metrics_page import metrics_route
from retread.serving.http.neighbours import neighbour_routes
from retread.serving.http.routes import protocol_routes
from retread.serving.http.server import HttpServer
from retread.serving.recording.label_store import SqlLabelStore
from retread.serving.recording.recorder import Recorder
from retread.serving.recording.traffic_log import SegmentTrafficLog
from retread.serving.slots import SlotHolder

_DATABASE_DEADLINE_S = 5.0
_DAY_S = 86_400.0
_SWITCH_S = 0.0005


def serve(
    project: LoadedProject, listener: socket.socket, on_ready: Callable[[], None], *, worker: int
) -> None:
    """Serve `project` on a bound socket until SIGTERM or SIGINT, as number `worker` of several.

    The socket listens from the moment on at which requests can be answered.
    """
    # The recorder and the follower give way to the event loop at once.
    sys.setswitchinterval(_SWITCH_S)
    settings = project.settings
    database = Database(project.database_url, deadline_s=_DATABASE_DEADLINE_S)
    slots = SlotHolder()
    recorder = _recorder(project) if settings.serving.record else None
    plane = DataPlane(slots, recorder, settings.serving, settings.canary)
    front = Front(
        plane, settings.project.name, max_body=int(settings.serving.max_body_mb * 1_000_000)
    )
    number = version("retread")
    app = build_app(
        [
            *protocol_routes(front, SqlLabelStore(database), number),
            *neighbour_routes(front, number),
            metrics_route(front, recorder, worker),
        ],
        front.ids,
    )
    follower = _follower(project, database, slots)
    if not follower.catch_up():
        follower.restore()
    follower.start()
    if recorder is not None:
        recorder.start()
    try:
        HttpServer(front, app, on_ready=on_ready).serve_on(listener)
    finally:
        follower.stop()
        plane.close()
        if recorder is not None:
            recorder.stop()
        database.close()


def _recorder(project: LoadedProject) -> Recorder:
    settings = project.settings
    return Recorder(
        SegmentTrafficLog(project.traffic),
        capacity=settings.serving.record_queue,
        payloads=settings.serving.record_payloads,
        keep_s=settings.monitoring.keep_days * _DAY_S,
    )


def _follower(project: LoadedProject, database: Database, slots: SlotHolder) -> Follower:
    clock = SystemClock()
    last_good = LastGoodFile(project.home / "run" / "slots.json")
    stopping = threading.Event()
    return Follower(
        server_id=new_id("srv"),
        ledger=SqlLedger(database, clock),
        servers=SqlServerDirectory(database, clock),
        loader=Loader(
            LocalBundleStore(project.bundles),
            try_in_child(project.bundles, stopping),
            last_good.read().tried,
        ),
        slots=slots,
        last_good=last_good,
        clock=clock,
        prepare=database.create_tables,
        stopping=stopping,
    )


def log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
