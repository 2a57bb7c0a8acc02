"""Days and times in forms: written as 2026-11-28 09:30 in every language, or picked from a calendar.

The browser writes its own date fields in its own language, which need not be the page's: 12/03 is two days.
So these are fields of text; console.js puts the browser's calendar behind a button beside them.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

DAY_FORMAT: Final = "%Y-%m-%d"
MINUTE_FORMAT: Final = "%Y-%m-%d %H:%M"
SECOND_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
CLOCK_FORMAT: Final = "%H:%M"
_SPOKEN: Final = str.maketrans(
    {"年": "-", "月": "-", "日": " ", "/": "-", ".": "-", "：": ":", "T": " ", "\u3000": " "}
)


class DayInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]
    """A day as text, with the browser's calendar beside it."""

    kind: str = "date"
    opens: Any = _("Open the calendar")
    shape: Any = _("YYYY-MM-DD")
    longest: int = 12

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        shown = {
            "data-pick": self.kind,
            "data-pick-words": self.opens,
            "placeholder": self.shape,
            "autocomplete": "off",
            "maxlength": self.longest,
        }
        super().__init__(attrs={**shown, **(attrs or {})})

    def format_value(self, value: Any) -> str | None:
        """The same in every language; what was typed stays as it was typed."""
        return value.strftime(DAY_FORMAT) if isinstance(value, date) else super().format_value(value)  # type: ignore[no-any-return]


class MomentInput(DayInput):
    """A day and a time of the brand's clock."""

    kind = "datetime-local"
    shape = _("YYYY-MM-DD HH:MM")
    longest = 22

    def format_value(self, value: Any) -> str | None:
        """To the minute; to the second where it has some."""
        if isinstance(value, datetime):
            return value.strftime(SECOND_FORMAT if value.second else MINUTE_FORMAT)
        return super().format_value(value)


class ClockInput(DayInput):
    """A time of the day."""

    kind = "time"
    opens = _("Choose a time")
    shape = _("HH:MM")
    longest = 8

    def format_value(self, value: Any) -> str | None:
        """To the minute."""
        return value.strftime(CLOCK_FORMAT) if isinstance(value, time) else super().format_value(value)


class DayField(forms.DateField):
    """A day such as 2026-11-28; 2026/11/28 and 2026年11月28日 are understood too."""

    widget = DayInput
    default_error_messages = {"invalid": _("Must be a day such as 2026-11-28.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=[DAY_FORMAT], **kwargs)

    def to_python(self, value: Any) -> date | None:
        """The day. Raises ValidationError."""
        return super().to_python(_plain(value))


class MomentField(forms.DateTimeField):
    """A day and a time such as 2026-11-28 09:30, of the brand's clock; the day alone is not enough."""

    widget = MomentInput
    default_error_messages = {"invalid": _("Must be a day and a time such as 2026-11-28 09:30.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=[MINUTE_FORMAT, SECOND_FORMAT], **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """The instant. Raises ValidationError, also for a time that the clock leaves out."""
        plain = _plain(value)
        if isinstance(plain, str) and plain and ":" not in plain:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(plain)


class ClockField(forms.TimeField):
    """A time of the day such as 09:30."""

    widget = ClockInput
    default_error_messages = {"invalid": _("Must be a time such as 09:30.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=[CLOCK_FORMAT, f"{CLOCK_FORMAT}:%S"], **kwargs)

    def to_python(self, value: Any) -> time | None:
        """The time. Raises ValidationError."""
        return super().to_python(_plain(value))


def _plain(value: Any) -> Any:
    """What was typed, as the formats know it."""
    if not isinstance(value, str):
        return value
    return re.sub(r"\s+", " ", value.translate(_SPOKEN)).strip()
