"""The verifications of the books: what was checked when, and what was found."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from loyalty.analytics import tasks
from loyalty.analytics.models import Verification
from loyalty.analytics.services import verification
from loyalty.analytics.wording import meaning
from loyalty.lib import clock
from loyalty.lib.console import EndlessPage, actor
from loyalty.lib.display import LABELS, Status, instant, number, status
from tenants.context import current_brand

RUN = "analytics.run_verification"


@admin.register(Verification)
class VerificationAdmin(EndlessPage):
    """Runs of all checks, newest first, with a button that asks for one now."""

    list_display = ("asked", "state", "rows_n", "took", "red", "who")
    list_filter = ("status",)
    ordering = ("-asked_at", "-id")
    list_before_template = "analytics/verification_before.html"
    change_form_outer_after_template = "analytics/verification_checks.html"
    readonly_fields = ("state", "who", "rows_n", "took", "trouble")

    def get_urls(self) -> list[URLPattern]:
        """The admin's routes, and the one of the button."""
        run = path("run/", self.admin_site.admin_view(require_POST(self.run_view)), name="analytics_run")
        urls: list[URLPattern] = [run, *super().get_urls()]
        return urls

    def run_view(self, request: HttpRequest) -> HttpResponse:
        """Ask for a run. A worker takes it up at once, or with the next tick."""
        if not request.user.has_perm(RUN):
            raise PermissionDenied
        with transaction.atomic():
            asked = verification.ask(actor=actor(request), now=clock.now())
            transaction.on_commit(_wake, robust=True)
        self.message_user(request, str(_("A worker takes it up within a minute.")))
        self.log_change(request, asked, str(_("Verify now")))
        return HttpResponseRedirect(reverse("admin:analytics_verification_changelist"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, with the hour of the daily run."""
        brand = current_brand()
        more = {
            "may_run": request.user.has_perm(RUN),
            "scheduled": verification.scheduled_at(brand=brand, now=clock.now()),
            "brand": brand,
        }
        page: HttpResponse = super().changelist_view(request, {**more, **(extra_context or {})})
        return page

    def panels(self, request: HttpRequest, obj: Verification) -> Mapping[str, Any]:
        """The run, check by check."""
        return {"lines": [{**check, "words": meaning(check)} for check in obj.checks]}

    def get_fieldsets(self, request: HttpRequest, obj: Verification | None = None) -> Any:
        """What went wrong stands there only where something did."""
        fields = (("state", "who"), ("started_at", "finished_at"), ("rows_n", "took"))
        return ((None, {"fields": (*fields, "trouble") if obj and obj.error else fields}),)

    @display(description=_("when"))
    def asked(self, run: Verification) -> str:
        """When it began; when it was asked for while it waits."""
        return instant(run.started_at or run.asked_at)

    @display(description=_("result"), label=LABELS)
    def state(self, run: Verification) -> Status:
        """What it found, coloured."""
        return status(run)

    @display(description=_("rows checked"))
    def rows_n(self, run: Verification) -> SafeString:
        """How many rows all checks looked at together."""
        return number(run.rows if run.finished_at else None)

    @display(description=_("duration"))
    def took(self, run: Verification) -> str:
        """How long it took, in seconds or minutes."""
        if run.started_at is None or run.finished_at is None:
            return "–"
        seconds = round((run.finished_at - run.started_at).total_seconds())
        if seconds < 120:
            return str(_("%(seconds)d s") % {"seconds": seconds})
        return str(_("%(minutes)d min") % {"minutes": round(seconds / 60)})

    @display(description=_("violated"))
    def red(self, run: Verification) -> str:
        """The codes of the checks that found something."""
        return ", ".join(check["code"] for check in run.violated) or "–"

    @display(description=_("asked for by"))
    def who(self, run: Verification) -> str:
        """The operator who asked, or the schedule."""
        return run.asked_by.removeprefix("operator:") or str(_("daily schedule"))

    @display(description=_("what went wrong"))
    def trouble(self, run: Verification) -> str:
        """Why it could not be finished."""
        return run.error or "–"


def _wake() -> None:
    tasks.tick_verification.apply_async(headers={"_schema_name": "public"})
