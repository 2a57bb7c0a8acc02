"""What Prometheus is told of webhooks."""

from prometheus_client import Counter, Histogram

from partners.webhooks.sender import BLOCKED, DELIVERED, FAILED, Answer

ATTEMPTS = Counter("webhook_attempts_total", "Attempts to deliver a webhook", ["brand", "outcome"])
LATENCY = Histogram(
    "webhook_latency_seconds",
    "Time until an endpoint answered",
    ["brand"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)


class Meter:
    """The counters of one brand."""

    def __init__(self, brand: str) -> None:
        self._outcomes = {name: ATTEMPTS.labels(brand, name) for name in (DELIVERED, FAILED, BLOCKED)}
        self._latency = LATENCY.labels(brand)

    def attempted(self, answer: Answer) -> None:
        """Count an attempt and its latency."""
        self._outcomes[answer.outcome].inc()
        self._latency.observe(answer.latency_ms / 1000)
