"""Messages: queued on an occasion, judged and claimed when due, sent outside of any transaction, recorded."""

from campaigns.services.messages.queueing import queue, queue_many
from campaigns.services.messages.withdrawing import are_queued, withdraw

__all__ = ["are_queued", "queue", "queue_many", "withdraw"]
