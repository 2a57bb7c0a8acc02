"""The steps of a redemption, as a table on its page."""

from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.lib.console import ReadOnlyTable
from loyalty.lib.display import doer
from mall.models import Redemption, RedemptionStep


class StepTable(ReadOnlyTable):
    """How it came to where it is."""

    model = RedemptionStep
    fields = ("at", "came_from", "went_to", "by", "note")
    readonly_fields = ("came_from", "went_to", "by")
    ordering = ("at", "id")
    verbose_name_plural = _("steps")

    @display(description=_("from"))
    def came_from(self, step: RedemptionStep) -> str:
        """The status before."""
        return in_words(step.from_status)

    @display(description=_("to"))
    def went_to(self, step: RedemptionStep) -> str:
        """The status after."""
        return in_words(step.to_status)

    @display(description=_("by"))
    def by(self, step: RedemptionStep) -> str:
        """Who took the step."""
        return doer(step.actor)


def in_words(value: str) -> str:
    """A redemption's status in words."""
    return str(Redemption.Status(value).label) if value else "–"
