"""Why finance's services refuse. Every refusal leaves everything as it was."""

from django.utils.translation import gettext_lazy as _

from loyalty.lib.errors import Refusal


class CostOfClosedMonth(Refusal):
    """A unit cost was to hold in a month that is closed."""

    code = "month_closed"
    status = 409
    title = _("The month is closed")


class TooManyRows(Refusal):
    """A worksheet has an end; CSV has none."""

    code = "too_many_rows"
    status = 422
    title = _("More rows than a worksheet can hold: take CSV")


class NoExperiment(Refusal):
    """A rule that was never published, or that runs for all its audience, has nobody to compare with."""

    code = "no_experiment"
    status = 409
    title = _("The rule does not run for a part of the members")
