"""What finance's calls take."""

from typing import Any

from loyalty.analytics.api.formats import FORMATS
from loyalty.lib import fields
from loyalty.lib.api import StrictSerializer


class Format(fields.Choice):
    """In which format the answer is wanted; without it the `Accept` header decides."""

    def __init__(self, choices: tuple[str, ...] = FORMATS, **kwargs: Any) -> None:
        super().__init__(choices=choices, required=False, **kwargs)


class AtQuery(StrictSerializer):
    at = fields.Instant(required=False)
    format = Format()


class MonthQuery(StrictSerializer):
    month = fields.Text(required=False)
    format = Format()


class EntriesQuery(StrictSerializer):
    month = fields.Text()
    format = Format(FORMATS[1:])


class LockBody(StrictSerializer):
    """An empty object."""


class UnitCostBody(StrictSerializer):
    points_currency = fields.Text(required=False, default="points", min_length=1, max_length=40)
    cost = fields.Amount(places=6, min_value=0, max_value=1_000_000)
    valid_from = fields.Instant(required=False, allow_null=True)
