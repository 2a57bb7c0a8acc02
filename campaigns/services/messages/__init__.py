"""Messages: queued on an occasion, judged and claimed when due, sent outside of any transaction, recorded."""

from campaigns.services.messages.queueing import queue, queue_many

__all__ = ["queue", "queue_many"]
