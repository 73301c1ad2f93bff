"""Training runs, and the model versions that they produced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retread.core import (
    NotFound,
    UnknownOption,
    Verdict,
    checked_type,
    format_metrics,
    metric_named,
)
from retread.core.notebook import ShownTable, ShowsAsTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from retread.app import Workspace
    from retread.app.training import TrainedRun
    from retread.registry import ModelVersion, Promotion, SlotState


class Run(ShowsAsTable):
    """A finished training run."""

    COLUMNS = ("run", "model type", "validation", "version", "")

    def __init__(self, workspace: Workspace, trained: TrainedRun) -> None:
        self._workspace = workspace
        self._trained = trained

    def __repr__(self) -> str:
        version = f"version {self._trained.version}" if self._trained.version else "not registered"
        return f"<Run {self.model_type}: {format_metrics(self.metrics)}; {version}>"

    @property
    def id(self) -> str:
        """Id of the MLflow run; empty if training did not start."""
        return self._trained.outcome.run_id

    @property
    def model_type(self) -> str:
        """What was trained."""
        return self._trained.outcome.model_type

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the best epoch on the validation split, by name."""
        return self._trained.outcome.metrics

    @property
    def reason(self) -> str:
        """Why the run was not registered; empty if it was."""
        return self._trained.outcome.reason

    @property
    def version(self) -> Version | None:
        """The model version it became; None if it did not meet the threshold."""
        number = self._trained.version
        return Version(self._workspace, number) if number else None

    def as_table(self) -> ShownTable:
        """Return the run, as print() and a notebook show it."""
        metrics = format_metrics(self.metrics)
        row = (self.id, self.model_type, metrics, self._trained.version, self.reason)
        return ShownTable("Run", self.COLUMNS, [row])


class Runs(ShowsAsTable, tuple[Run, ...]):
    """The runs of one training, in the order of the scenario."""

    __slots__ = ()

    def as_table(self) -> ShownTable:
        """Return the runs, as print() and a notebook show them."""
        rows = [row for run in self for row in run.as_table().rows]
        return ShownTable("Runs", Run.COLUMNS, rows)

    def best(self, metric: str = "Loss") -> Version:
        """Return the version of the best registered run by a metric on the validation split.

        Args:
            metric: Name of the metric; its direction is known.

        Raises:
            UnknownOption: There is no such metric, or no registered run has it.
            NotFound: No run was registered; the message says why.
        """
        from retread.loop.selection import best_run

        chosen = metric_named(checked_type("metric", metric, str))
        registered = [(run._trained.outcome, found) for run in self if (found := run.version)]
        if not registered:
            raise self._none_registered()
        measured = sorted({name for outcome, _ in registered for name in outcome.metrics})
        if chosen.name not in measured:
            raise UnknownOption("metric of these runs", metric, measured)
        best = best_run((outcome for outcome, _ in registered), chosen)
        return next(version for outcome, version in registered if outcome is best)

    def _none_registered(self) -> NotFound:
        if not self:
            return NotFound("There are no runs to choose from.", "Train with: project.train()")
        reasons = "; ".join(f"{run.model_type}: {run.reason.rstrip('.')}" for run in self)
        return NotFound(
            f"No run was registered. {reasons}.", "Lower [early_stopping], or train for longer."
        )


class Version(ShowsAsTable):
    """A model version: a bundle that was registered.

    Attributes:
        number: Its number.
    """

    COLUMNS = ("version", "stage", "model type", "data", "evaluation")

    def __init__(self, workspace: Workspace, number: int) -> None:
        self._workspace = workspace
        self.number = number

    def __repr__(self) -> str:
        return f"<Version {self.number}: {self.current_stage}, {format_metrics(self.metrics)}>"

    def __eq__(self, other: object) -> bool:
        return self._identity == other._identity if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def current_stage(self) -> str:
        """None, Staging, Production or Archived."""
        return self._known.stage.value

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics on the frozen evaluation split, by name."""
        return self._known.metrics

    def gate(self) -> Verdict:
        """Judge the version against the one in production, check by check, and record the verdict.

        Raises:
            IntegrityBroken: The bundle is damaged.
            Conflict: Production changed in the meantime.
        """
        from retread.app.gate import judge_version

        return judge_version(self._workspace, self.number)

    def stage(self) -> SlotState:
        """Put the version into Staging and its slot."""
        return self._workspace.promoter.stage(self.number)

    def promote(
        self, reason: str = "", *, force: bool = False, accept_labels: Sequence[str] = ()
    ) -> Promotion:
        """Put the version into production. If it has no current verdict, the gate judges it first.

        Args:
            reason: Recorded in the ledger; required with `force`.
            force: Bypass the gate.
            accept_labels: Labels, by name, that may come or go with the version.

        Raises:
            InvalidInput: `force` without a reason, a label to accept neither comes nor goes, or
                an argument has another type.
            Refused: The gate did not pass it, or a server could not load it.
            Inconclusive: The gate could not decide.
            Conflict: It is in production already, or another promotion is under way.
        """
        from retread.app.gate import promote_version

        checked_type("reason", reason, str)
        checked_type("force", force, bool)
        if isinstance(accept_labels, str):
            accept_labels = (accept_labels,)
        return promote_version(
            self._workspace, self.number, reason, force=force, accept_labels=accept_labels
        )

    @property
    def _identity(self) -> tuple[Path, int]:
        return self._workspace.project.home, self.number

    @property
    def _known(self) -> ModelVersion:
        return self._workspace.registry.state().version(self.number)

    def as_table(self) -> ShownTable:
        """Return the version, as print() and a notebook show it."""
        known = self._known
        data = f"{known.dataset}@{known.dataset_version}"
        metrics = format_metrics(known.metrics)
        row = (self.number, known.stage.value, known.model_type, data, metrics)
        return ShownTable(f"Version {self.number}", self.COLUMNS, [row])
