"""Event types and the handlers that react to them; filled by each app's `events.py` and `handlers.py`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from loyalty.outbox.models import OutboxEvent
from loyalty.outbox.types import EventType

Handle = Callable[[OutboxEvent], None]


@dataclass(frozen=True, slots=True)
class Handler:
    """A reaction with a cursor of its own, named for ever: renaming it would replay all events."""

    name: str
    types: frozenset[str]
    handle: Handle


_types: dict[str, EventType] = {}
_handlers: dict[str, Handler] = {}


def declare(types: Iterable[EventType]) -> None:
    """Make event types known. Raises ValueError if a name is declared twice."""
    for event_type in types:
        if _types.setdefault(event_type.name, event_type) is not event_type:
            raise ValueError(f"event type {event_type.name} is declared twice")


def on_event(*types: str, name: str) -> Callable[[Handle], Handle]:
    """Register an idempotent reaction to events of these types, with its own cursor `name`."""

    def register(handle: Handle) -> Handle:
        if name in _handlers:
            raise ValueError(f"handler {name} is registered twice")
        _handlers[name] = Handler(name, frozenset(types), handle)
        return handle

    return register


def event_types() -> dict[str, EventType]:
    """All declared event types by name."""
    return dict(sorted(_types.items()))


def handlers() -> list[Handler]:
    """All registered handlers."""
    return list(_handlers.values())


def known(name: str) -> bool:
    """Whether an event type of this name was declared."""
    return name in _types


__all__ = ["Handler", "declare", "event_types", "handlers", "known", "on_event"]
