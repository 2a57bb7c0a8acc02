"""Where a refusal stands in a form: at the field that it speaks of, else above them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from django.forms import BaseForm

from loyalty.lib.errors import FieldError, Invalid, Refusal

NONE: Final[Mapping[str, str]] = {}


def place(form: BaseForm, refusal: Refusal, fields: Mapping[str, str] = NONE) -> None:
    """Add what a service refused to a form.

    `fields` names the form's field for the beginning of a pointer, where it is called otherwise, and for the
    code of a refusal that speaks of one field only.
    """
    faults = refusal.errors if isinstance(refusal, Invalid) else ()
    say(form, faults, fields)
    if not faults:
        named = fields.get(refusal.code, "")
        form.add_error(named if named in form.fields else None, str(refusal.detail))


def say(form: BaseForm, faults: Iterable[FieldError], fields: Mapping[str, str] = NONE) -> None:
    """Add faults to a form, each at its field; with the place where the field holds more than that."""
    for fault in faults:
        here = field_of(form, fault, fields)
        whole = here == _head(fault) or (here is not None and _speaks_of_all(fault, here, fields))
        plain = whole or not fault.pointer
        form.add_error(here, str(fault.detail) if plain else f"{fault.pointer}: {fault.detail}")


def field_of(form: BaseForm, fault: FieldError, fields: Mapping[str, str] = NONE) -> str | None:
    """The form's field that a fault belongs to; None where there is none."""
    head = _head(fault)
    known = fields.get(head, head)
    return known if known in form.fields else None


def _head(fault: FieldError) -> str:
    return fault.pointer.strip("/").split("/")[0]


def _speaks_of_all(fault: FieldError, here: str, fields: Mapping[str, str]) -> bool:
    """Whether the fault is of all that the field holds, so that no place in it needs to be said."""
    return "/" not in fault.pointer.strip("/") and list(fields.values()).count(here) == 1
