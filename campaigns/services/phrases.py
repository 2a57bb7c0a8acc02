"""What law does not let a brand say to members (compliance.md), in messages and in campaigns alike."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import FieldError
from tenants.context import current_brand


def faults(pointer: str, text: str) -> Iterator[FieldError]:
    """A fault at `pointer` for each phrase of the text that the brand may not say."""
    for phrase in current_brand().setting("forbidden_phrases"):
        if phrase in text:
            detail = _("“%(phrase)s” may not be said in advertising.") % {"phrase": phrase}
            yield FieldError(pointer, "forbidden_phrase", detail)
