"""[gate], [serving], [canary]."""

from __future__ import annotations

from pydantic import Field

from retread.project.sections.section import Section


class GateSection(Section):
    """What a candidate must show before it may serve."""

    metric: str = "Accuracy"
    """Metric that decides; also the default of `stage` and `produce`."""
    threshold: float = 0.6
    """Value the metric must reach on the evaluation split (for losses and errors: not exceed)."""
    margin: float = Field(default=0.02, ge=0)
    """How much worse than production a candidate may be; a share of production's value for
    errors such as MAE, absolute otherwise."""
    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    """Confidence of the paired comparison."""
    max_latency_ms: float = Field(default=200.0, gt=0)
    """Budget of the 95th percentile of single-example latency."""
    max_size_mb: float = Field(default=500.0, gt=0)
    """Budget of model.onnx."""
    require_clean_commit: bool = False
    """Refuse models trained from uncommitted code."""
    extra_checks: tuple[str, ...] = ()
    """Gate checks of your own, each named as `package.module:function`."""


class ServingSection(Section):
    """The server on :5001."""

    host: str = "127.0.0.1"
    """Address to listen on; loopback only, until access control is set up."""
    port: int = Field(default=5001, ge=0, le=65_535)
    """Port of the Open Inference Protocol."""
    workers: int = Field(default=1, ge=1, le=64)
    """Processes that answer."""
    inline_below_ms: float = Field(default=0.3, ge=0)
    """Models faster than this answer on the event loop, batched by its ticks."""
    max_body_mb: float = Field(default=16.0, gt=0)
    """Larger requests get 413."""
    max_pending: int = Field(default=1024, ge=1)
    """Requests waiting for a model before new ones get 503."""
    record: bool = True
    """Log every answer, off the request path."""
    record_payloads: bool = True
    """Keep image bodies, so that late labels can turn traffic into training data."""
    record_queue: int = Field(default=65_536, ge=1)
    """Records waiting to be written before they are dropped, and counted."""
    acknowledge_timeout_s: float = Field(default=30.0, gt=0)
    """How long a promotion waits for every live server before it is reverted."""


class CanarySection(Section):
    """How a candidate is tried on traffic."""

    enabled: bool = True
    """Off: a candidate that passed the gate is promoted at once."""
    steps: tuple[float, ...] = (0.1, 0.5, 1.0)
    """Share of routing keys the canary answers, step by step."""
    min_requests: int = Field(default=50, ge=1)
    """Paired requests before a step can end well."""
    min_labels: int = Field(default=30, ge=0)
    """Paired labels before the last step can end well; 0 judges without labels."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Chance of promoting a candidate that is worse by more than the margin, whenever looked at."""
    margin: float = Field(default=0.1, ge=0)
    """How much worse on labelled traffic a candidate may be (share of wrong answers; for
    regression, share of production's error)."""
    max_error_rate: float = Field(default=0.02, gt=0, lt=1)
    """Share of failed or non-finite answers over which a canary is rolled back."""
    max_latency_ratio: float = Field(default=3.0, gt=1)
    """Median latency against production's over which a canary is rolled back."""
    max_disagreement: float = Field(default=0.6, gt=0, le=1)
    """Share of answers unlike production's over which a canary is rolled back."""
    timeout_s: float = Field(default=3600.0, gt=0)
    """A step that stays inconclusive goes back to production after this long."""
