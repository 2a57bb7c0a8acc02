"""What Prometheus is told of webhooks."""

from prometheus_client import Counter, Histogram

from partners.webhooks.sender import Answer

ATTEMPTS = Counter("webhook_attempts_total", "Attempts to deliver a webhook", ["brand", "outcome"])
LATENCY = Histogram(
    "webhook_latency_seconds",
    "Time until an endpoint answered",
    ["brand"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)


def attempted(brand: str, answer: Answer) -> None:
    """Count an attempt and its latency."""
    ATTEMPTS.labels(brand, answer.outcome).inc()
    LATENCY.labels(brand).observe(answer.latency_ms / 1000)
