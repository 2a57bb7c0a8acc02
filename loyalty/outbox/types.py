"""The shape of an event type as each app declares it in its `events.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event: its name, what it says in words, the JSON Schema of its payload, and an example."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
