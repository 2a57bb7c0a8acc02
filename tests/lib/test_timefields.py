"""Days and times in forms: what is understood, in which language ever, and what is not guessed."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.utils import timezone, translation

from loyalty.lib.timefields import ClockField, DayField, DayInput, MomentField, MomentInput

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
MOMENT = datetime(2026, 11, 28, 9, 30, tzinfo=SHANGHAI)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    ("field", "typed", "meant"),
    [
        (DayField, "2026-11-28", date(2026, 11, 28)),
        (DayField, " 2026/1/5 ", date(2026, 1, 5)),
        (DayField, "2026年11月28日", date(2026, 11, 28)),
        (MomentField, "2026-11-28 09:30", MOMENT),
        (MomentField, "2026-11-28T09:30", MOMENT),
        (MomentField, "2026/11/28  9:30", MOMENT),
        (MomentField, "2026年11月28日 9：30", MOMENT),
        (MomentField, "2026-11-28 09:30:15", MOMENT.replace(second=15)),
        (ClockField, "9:05", time(9, 5)),
        (ClockField, "22：00", time(22)),
    ],
)
def test_what_is_understood(language: str, field: type[forms.Field], typed: str, meant: object) -> None:
    with translation.override(language), timezone.override(SHANGHAI):
        assert field().clean(typed) == meant


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        (DayField, "11/28/2026", "such as 2026-11-28."),
        (DayField, "2026-11-31", "such as 2026-11-28."),
        (MomentField, "2026-11-28", "such as 2026-11-28 09:30."),
        (MomentField, "12/03/2026 09:30 PM", "such as 2026-11-28 09:30."),
        (MomentField, "2026-11-28 25:00", "such as 2026-11-28 09:30."),
        (ClockField, "9", "such as 09:30."),
    ],
)
def test_what_is_not_guessed(field: type[forms.Field], typed: str, words: str) -> None:
    with (
        translation.override("en"),
        timezone.override(SHANGHAI),
        pytest.raises(forms.ValidationError) as told,
    ):
        field().clean(typed)
    assert words in told.value.messages[0]


def test_a_time_that_the_clock_leaves_out_is_a_fault() -> None:
    with timezone.override(BERLIN), pytest.raises(forms.ValidationError):
        MomentField().clean("2026-03-29 02:30")


@pytest.mark.parametrize(
    ("language", "shape"), [("en", "YYYY-MM-DD HH:MM"), ("zh-hans", "如 2026-11-28 09:30")]
)
def test_a_field_is_shown_alike_in_both_languages(language: str, shape: str) -> None:
    with translation.override(language):
        shown = MomentInput().render("at", MOMENT)
        assert ('value="2026-11-28 09:30"' in shown, 'type="text"' in shown, shape in shown) == (True,) * 3
        assert 'value="2026-11-28"' in DayInput().render("on", date(2026, 11, 28))
        assert 'value="soon"' in DayInput().render("on", "soon")
