"""Refusals: every error that a caller can get has a code, an HTTP status and data.

Apps subclass `Refusal` in their `errors.py`; `problems.py` renders any of them as RFC 9457.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with the input: where (RFC 6901 pointer), a stable code, and words."""

    pointer: str
    code: str
    detail: Text


def escaped(name: object) -> str:
    """A name as a part of a pointer (RFC 6901): of fields that the caller named, it may hold anything."""
    return str(name).replace("~", "~0").replace("/", "~1")


class Refusal(Exception):
    """A request that was understood and refused. Nothing it asked for was written."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = _("The request was refused.")
    retryable: ClassVar[bool] = False
    pointer: ClassVar[str] = ""
    """The field that is to blame, where it is always the same one."""

    def __init__(self, detail: Text | None = None, **data: Any) -> None:
        self.detail: Text = detail if detail is not None else self.title
        self.data: dict[str, Any] = data
        super().__init__(str(self.code))


class Invalid(Refusal):
    """Input that parses but is wrong; `errors` says where and why."""

    code = "validation_failed"
    status = 422
    title = _("The input is not valid.")

    def __init__(self, errors: Iterable[FieldError], detail: Text | None = None) -> None:
        super().__init__(detail)
        self.errors: tuple[FieldError, ...] = tuple(errors)

    @classmethod
    def at(cls, pointer: str, code: str, detail: Text) -> "Invalid":
        """The refusal of a single field."""
        return cls([FieldError(pointer, code, detail)])


class NotFound(Refusal):
    """What the id names does not exist for this brand (or this member)."""

    code = "not_found"
    status = 404
    title = _("Not found.")


class Malformed(Refusal):
    """A request that could not be read at all: broken JSON, a bad header."""

    code = "malformed_request"
    status = 400
    title = _("The request could not be read.")


def codes(*refusals: type[Refusal]) -> Mapping[str, type[Refusal]]:
    """Refusal classes by their code, for documentation."""
    return {refusal.code: refusal for refusal in refusals}
