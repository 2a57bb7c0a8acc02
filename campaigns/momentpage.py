"""Moments in the console: who earned by enrolling, a birthday or a friend, and why somebody did not."""

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from campaigns.engine.sentences import trigger_text
from campaigns.engine.speaker import Speaker, Words
from campaigns.models import Moment
from loyalty.lib import words
from loyalty.lib.console import EndlessPage
from loyalty.lib.display import LABELS, Status, link, plain, status


class MomentAdmin(EndlessPage):
    """Moments, the newest first."""

    empty_words = _("Birthdays, anniversaries, enrolments and referrals show here, with what they gave.")

    list_display = ("occurred_at", "what", "person", "by", "state", "given", "refused_for")
    list_display_links = ("occurred_at",)
    list_filter = ("status", "trigger")
    list_select_related = ("member", "referrer")
    search_fields = ("=reference", "=member__referral_code", "=referrer__referral_code")
    search_help_text = _("Order number of a first order, or the referral code of either")
    ordering = ("-id",)
    fields = (
        ("what", "state"),
        ("person", "by"),
        ("occurred_at", "settled_at"),
        ("reference", "refused_for"),
        "given",
    )
    readonly_fields = ("what", "person", "by", "state", "given")

    @display(description=_("moment"))
    def what(self, moment: Moment) -> str:
        """The trigger in words."""
        return trigger_text(Speaker(words.language(), Words()), moment.trigger)

    @display(description=_("member"))
    def person(self, moment: Moment) -> SafeString | str:
        """Whom it happened to."""
        return link(moment.member)

    @display(description=_("referrer"), empty_value="–")
    def by(self, moment: Moment) -> SafeString | str | None:
        """Who brought them."""
        return link(moment.referrer) if moment.referrer else None

    @display(description=_("status"), label=LABELS)
    def state(self, moment: Moment) -> Status:
        """The status, coloured."""
        return status(moment)

    @display(description=_("points given"), empty_value="–")
    def given(self, moment: Moment) -> str | None:
        """To the member, and to the referrer behind a +."""
        sides = [moment.evaluation.get(side, {}) for side in ("member", "referrer")]
        points = [sum(e["points"] for e in side.get("entries", ())) for side in sides]
        shown = points if moment.referrer_id else points[:1]
        return " + ".join(plain(n) for n in shown) if any(points) else None
