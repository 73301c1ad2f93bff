"""The settings of live traffic: the server, the canary and the monitoring."""

from __future__ import annotations

from pydantic import Field

from retread.project.settings.section import Section


class ServingSection(Section):
    """The inference server."""

    host: str = "127.0.0.1"
    """Address to listen on. Only loopback addresses are allowed, because there is no access
    control."""
    port: int = Field(default=5001, ge=0, le=65_535)
    """Port of the inference API (Open Inference Protocol, REST)."""
    hosts: tuple[str, ...] = ()
    """Names by which clients may address the server besides localhost and loopback addresses, such
    as that of a reverse proxy. A request with another Host gets HTTP 403."""
    workers: int = Field(default=1, ge=1, le=64)
    """Number of server processes."""
    inline_below_ms: float = Field(default=0.3, ge=0)
    """Latency below which a model runs on the event loop, in batches, instead of in the thread
    pool."""
    max_body_mb: float = Field(default=16.0, gt=0)
    """Maximum size of a request body. Larger requests get HTTP 413."""
    max_rows: int = Field(default=100_000, ge=1)
    """Maximum number of rows of a request. Larger requests get HTTP 413. All requests together may
    have four times as many; further large requests get HTTP 503."""
    max_pending: int = Field(default=1024, ge=1)
    """Maximum number of requests that wait for a model. Further requests get HTTP 503."""
    record: bool = True
    """Record every prediction, outside the request path."""
    record_rows: int = Field(default=1000, ge=1)
    """Maximum number of rows of one request that are recorded. Of a larger request, an even sample
    of this size is, and each record says of how many rows it is a sample."""
    record_payloads: bool = True
    """Keep the images of requests, so that they can become training data once they are
    labelled."""
    record_queue: int = Field(default=65_536, ge=1)
    """Maximum number of records that wait to be written. Further records are dropped and
    counted."""
    acknowledge_timeout_s: float = Field(default=30.0, gt=0)
    """Seconds that a promotion waits for all live servers to switch before it is reverted."""


class CanarySection(Section):
    """How a candidate is tested on live traffic before it is promoted."""

    enabled: bool = True
    """Run a canary. If false, a candidate that passes the gate is promoted at once."""
    steps: tuple[float, ...] = (0.1, 0.5, 1.0)
    """Share of routing keys served by the canary in each step."""
    min_requests: int = Field(default=50, ge=1)
    """Minimum number of paired requests before a step can succeed."""
    min_labels: int = Field(default=30, ge=0)
    """Minimum number of paired labels before the last step can succeed. 0: decide without
    labels."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Probability of promoting a candidate that is worse by more than `margin`, however often the
    evidence is examined."""
    margin: float = Field(default=0.1, ge=0)
    """How much worse than production a candidate may be on labelled traffic: difference in error
    rate for classification, relative to production's error for regression."""
    max_error_rate: float = Field(default=0.02, gt=0, lt=1)
    """Share of failed or non-finite predictions above which a canary is rolled back."""
    max_latency_ratio: float = Field(default=3.0, gt=1)
    """Median ratio of the canary's latency to production's above which a canary is rolled back."""
    max_disagreement: float = Field(default=0.6, gt=0, le=1)
    """Share of predictions that differ from production's above which a canary is rolled back."""
    timeout_s: float = Field(default=3600.0, gt=0)
    """Seconds after which a step without a clear result is rolled back."""


class MonitoringSection(Section):
    """What is monitored and when an alarm is raised."""

    window: int = Field(default=100, ge=10)
    """Number of records per window."""
    interval_s: float = Field(default=5.0, gt=0)
    """Seconds between two checks for new records."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Probability that traffic without drift ever raises a drift alarm, however long it is
    monitored."""
    min_effect: float = Field(default=0.2, ge=0)
    """Minimum effect size for an alarm (population stability index of a stream)."""
    detectors: tuple[str, ...] = ("conformal",)
    """Drift detectors to run: modules in retread/monitoring/detectors, or your own as
    package.module:Class."""
    degradation_margin: float = Field(default=0.1, gt=0)
    """Drop of the gate's metric on labelled traffic that raises an alarm: relative for errors,
    absolute for all other metrics."""
    min_labels: int = Field(default=50, ge=1)
    """Minimum number of labelled records before performance is evaluated."""
    repeat_s: float = Field(default=86_400.0, ge=0)
    """Seconds after which an alarm that persists is raised again for the same version."""
    keep_days: float = Field(default=30.0, gt=0)
    """Age in days at which recorded traffic is deleted."""
