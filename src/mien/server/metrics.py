"""Metrics for Prometheus, in a registry of their own; none holds a name or a path."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from mien.server.store import STATES, Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_REQUEST_STEPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
_JOB_STEPS = (1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14400)


class _Now(Collector):
    """How the store stands when it is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Jobs by state, and the free disk."""
        jobs = GaugeMetricFamily("mien_jobs", "Jobs in the store.", labels=["state"])
        for state in STATES:
            jobs.add_metric([state], self._store.count(state))
        yield jobs
        free = shutil.disk_usage(self._store.folder).free
        yield GaugeMetricFamily("mien_disk_free_bytes", "Free bytes of the disk.", value=free)


class Metrics:
    """What is counted of one service.

    Args:
        store: of its jobs.
    """

    def __init__(self, store: Store) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Now(store))
        self._requests = Counter(
            "mien_requests", "Answers.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "mien_request_seconds", "Time of an answer.", ["method", "route"],
            registry=self._registry, buckets=_REQUEST_STEPS,
        )  # fmt: skip
        self._uploaded = Counter(
            "mien_upload_bytes", "Bytes of recordings received.", registry=self._registry
        )
        self._ended = Counter(
            "mien_jobs_ended", "Jobs that got a final state.", ["state", "error"],
            registry=self._registry,
        )  # fmt: skip
        self._job_seconds = Histogram(
            "mien_job_seconds", "Time from the start of a job to its end.",
            registry=self._registry, buckets=_JOB_STEPS,
        )  # fmt: skip

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def upload(self, size: int) -> None:
        """Count an upload of ``size`` bytes."""
        self._uploaded.inc(size)

    def job(self, state: str, error: str, seconds: float) -> None:
        """Count a job that ended."""
        self._ended.labels(state, error).inc()
        self._job_seconds.observe(seconds)

    def text(self) -> bytes:
        """All of it in the text format of Prometheus."""
        return generate_latest(self._registry)


_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
