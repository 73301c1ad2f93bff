"""One server process: everything that it is made of is put together here."""

from __future__ import annotations

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
from retread.serving.http.mlflow_routes import MlflowEndpoints
from retread.serving.http.routes import InferenceEndpoints, MetricsEndpoints, build_app
from retread.serving.http.server import HttpServer
from retread.serving.http.server_state import ServerState
from retread.serving.metrics import ServingCollector
from retread.serving.reconcile import (
    BundleLoader,
    LastKnownGoodFile,
    SlotReconciler,
    sandboxed_load,
)
from retread.serving.recording.answered_ids import AnsweredIds
from retread.serving.recording.label_store import SqlLabelStore
from retread.serving.recording.recorder import Recorder
from retread.serving.recording.traffic_log import SegmentTrafficLog
from retread.serving.slots import SlotHolder

_DATABASE_DEADLINE_S = 5.0
_DAY_S = 86_400.0
_SWITCH_S = 0.0005


def serve(
    project: LoadedProject,
    listener: socket.socket,
    on_ready: Callable[[], None],
    *,
    worker: int,
    plain_asgi: bool = False,
) -> None:
    """Serve a project until SIGTERM or SIGINT.

    Args:
        project: The project.
        listener: A bound socket; it listens once requests can be answered.
        on_ready: Called then.
        worker: Number of this worker, from 0.
        plain_asgi: See HttpServer.
    """
    # The recorder's and the reconciler's threads give way to the event loop at once.
    sys.setswitchinterval(_SWITCH_S)
    settings = project.settings
    database = Database(project.database_url, deadline_s=_DATABASE_DEADLINE_S)
    slots = SlotHolder()
    recorder = _recorder(project) if settings.serving.record else None
    plane = DataPlane(slots, recorder, settings.serving, settings.canary)
    state = ServerState(
        plane,
        settings.project.name,
        max_body=int(settings.serving.max_body_mb * 1_000_000),
        hosts=(settings.serving.host, *settings.serving.hosts),
    )
    number = version("retread")
    collector = ServingCollector(plane.metrics, lambda: state.snapshot(recorder), worker)
    app = build_app(
        [
            *InferenceEndpoints(
                state,
                SqlLabelStore(database),
                number,
                answered=AnsweredIds(project.traffic, flush=recorder.flush) if recorder else None,
            ).routes(),
            *MlflowEndpoints(state, number).routes(),
            *MetricsEndpoints(collector).routes(),
        ],
        state.ids,
    )
    reconciler = _reconciler(project, database, slots)
    if not reconciler.reconcile():
        reconciler.restore()
    reconciler.start()
    if recorder is not None:
        recorder.start()
    try:
        HttpServer(state, app, on_ready=on_ready, plain_asgi=plain_asgi).serve_on(listener)
    finally:
        reconciler.stop()
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
        max_rows=settings.serving.record_rows,
        keep_s=settings.monitoring.keep_days * _DAY_S,
    )


def _reconciler(project: LoadedProject, database: Database, slots: SlotHolder) -> SlotReconciler:
    clock = SystemClock()
    last_known_good = LastKnownGoodFile(project.home / "run" / "slots.json")
    stopping = threading.Event()
    return SlotReconciler(
        server_id=new_id("srv"),
        ledger=SqlLedger(database, clock),
        servers=SqlServerDirectory(database, clock),
        loader=BundleLoader(
            LocalBundleStore(project.bundles),
            sandboxed_load(project.bundles, stopping),
            last_known_good.read().tried,
        ),
        slots=slots,
        last_known_good=last_known_good,
        clock=clock,
        prepare=database.create_tables,
        stopping=stopping,
    )
