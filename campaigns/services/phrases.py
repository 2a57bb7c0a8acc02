"""What law does not let a brand say to members (compliance.md), in messages, campaigns and rules alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import FieldError
from tenants.context import current_brand


def faults(pointer: str, text: str) -> Iterator[FieldError]:
    """A fault at `pointer` for each phrase of the text that the brand may not say."""
    together = "".join(text.split())
    for phrase in current_brand().setting("forbidden_phrases"):
        if phrase in text or phrase in together:
            detail = _("“%(phrase)s” may not be said in advertising.") % {"phrase": phrase}
            yield FieldError(pointer, "forbidden_phrase", detail)


def rule_faults(body: Mapping[str, Any]) -> Iterator[FieldError]:
    """The faults of what members are shown of an earning rule: its name and its description."""
    name = body.get("name")
    if isinstance(name, str):
        yield from faults("/name", name)
    for language, text in (name if isinstance(name, Mapping) else {}).items():
        yield from faults(f"/name/{language}", str(text))
    yield from faults("/description", str(body.get("description") or ""))
