"""Where a model version, or the answer to a request, comes from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from retread.core import NotFound
from retread.core.notebook import ShownTable, ShowsAsTable
from retread.registry import VersionLineage, lineage_of_version
from retread.serving import PredictionRecord

if TYPE_CHECKING:
    from retread.app.workspace import Workspace

_MOST_DIGITS = 18
_RECORDED_WITHIN_S = 2.0
_POLL_S = 0.1


class Provenance(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """The lineage of a model version, and the record of the request it answered, if the subject
    is a request."""

    version: VersionLineage
    request: PredictionRecord | None = None

    def as_table(self) -> ShownTable:
        version = self.version
        cause = version.cause
        facts = [
            ("request", self.request.id if self.request else None),
            ("slot", self.request.answer.slot if self.request and self.request.answer else None),
            ("version", f"{version.version}, {version.stage}"),
            ("data", f"{version.dataset}@{version.dataset_version} {version.dataset_digest}"),
            ("commit", version.git_commit or None),
            ("run", f"{version.run_id}, {version.model_type}, seed {version.seed}"),
            ("cause", " ".join(filter(None, (cause.kind, cause.detail)))),
            ("verdict", version.verdict.outcome.value if version.verdict else None),
            ("bundle", version.bundle),
        ]
        return ShownTable("Lineage", ("", ""), [fact for fact in facts if fact[1] is not None])


def trace(workspace: Workspace, subject: str | int) -> Provenance:
    """Follow a request id or a version number back to data, code, cause and verdict.

    Args:
        workspace: The project.
        subject: The `X-Request-Id` of an answer, or the number of a model version. Text that is
            both means the version, if there is one.

    A server records an answer shortly after the client has it, so an unknown request is waited
    for, for up to two seconds.

    Raises:
        NotFound: There is no such version, no such request, or no model answered the request.
    """
    text = str(subject)
    state = workspace.registry.state()
    number = int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None
    record = None if number in state.versions else _recorded(workspace, text)
    if record is not None or number is None:
        number = _answering_version(text, record)
    manifest = workspace.bundles.manifest(state.version(number).bundle)
    lineage = lineage_of_version(number, state, manifest, workspace.ledger.read())
    return Provenance(version=lineage, request=record)


def _recorded(workspace: Workspace, request_id: str) -> PredictionRecord | None:
    deadline = time.monotonic() + _RECORDED_WITHIN_S
    record = workspace.traffic.find(request_id)
    while record is None and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        record = workspace.traffic.find(request_id)
    return record


def _answering_version(request_id: str, record: PredictionRecord | None) -> int:
    if record is None:
        raise NotFound(
            f"No request {request_id!r} was recorded.",
            "Use the X-Request-Id of an answer, or a model version's number.",
        )
    if record.answer is None:
        raise NotFound(f"No model answered request {request_id!r}: its status was {record.status}.")
    return record.answer.version
