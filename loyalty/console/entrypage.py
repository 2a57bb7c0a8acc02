"""An entry's and a lot's page: why the number is what it is, and where the points came from and went."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from loyalty.console.entrywords import Words, lot_words
from loyalty.console.templatetags.console import last_valid_day
from loyalty.console.trace import trace_of, used_by
from loyalty.lib.console import EndlessPage, Operation
from loyalty.lib.display import doer, instant, link, number, pretty
from points import wording
from points.admin import EntryAdmin
from points.adminforms import OF_POINTS, ReverseForm, may_be_reversed, reversal_facts, reverse
from points.models import Entry, Lot


class EntryPage(EntryAdmin):
    """The entry with its trace."""

    change_form_outer_before_template = "console/entry_head.html"
    fieldsets: Any = (
        (
            None,
            {
                "fields": (
                    ("holder", "kind"),
                    ("effective_at", "recorded_at"),
                    ("reason", "actor_n"),
                    "receipt_n",
                )
            },
        ),
        (
            _("Technical details"),
            {
                "classes": ("collapse",),
                "fields": (
                    ("source", "reference"),
                    ("rule", "rule_version"),
                    ("entry_id", "journal"),
                    ("cost_centre", "actor"),
                    "explained",
                ),
            },
        ),
    )
    readonly_fields: Any = (*EntryAdmin.readonly_fields, "actor_n", "explained")
    operations: ClassVar[Any] = (
        *EntryAdmin.operations,
        Operation(
            "reverse",
            _("Reverse"),
            _("A new entry undoes this one. Both stay in the ledger, with your name and the reason."),
            "points.reverse_entry",
            reverse,
            icon="undo",
            danger=True,
            form=ReverseForm,
            fields=OF_POINTS,
            shown=may_be_reversed,
            facts=reversal_facts,
        ),
    )

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list; each entry of the page knows what its rule is called."""
        found = super().get_changelist_instance(request)
        shown = list(found.result_list)
        said = Words(shown)
        for entry in shown:
            entry.rule_said = said.rule(entry)
        found.result_list = shown
        return found

    @display(description=_("rule"))
    def rule_n(self, entry: Entry) -> str:
        """The rule's name, with the version that gave the points."""
        named = getattr(entry, "rule_said", "") or super().rule_n(entry)
        return named if named == "–" or not entry.rule_version else f"{named} v{entry.rule_version}"

    @display(description=_("by"))
    def actor_n(self, entry: Entry) -> str:
        """Who did it, in words."""
        return doer(entry.actor) or "–"

    @display(description=_("explanation"))
    def explained(self, entry: Entry) -> SafeString | str:
        """What the engine computed with, as it was recorded."""
        return pretty(entry.explanation) if entry.explanation else "–"

    def panels(self, request: HttpRequest, obj: Entry) -> Mapping[str, Any]:
        """The trace."""
        return {"trace": trace_of(obj)}


class LotPage(EndlessPage):
    """A lot: what opened it, what took from it, and when it ends. Reached from accounts and entries."""

    list_display = ("opened", "holder", "given", "left", "reserved", "ends")
    list_select_related = ("account__member", "entry")
    ordering = ("-id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("holder", "opened_by"),
                    ("given", "left"),
                    ("reserved", "state_n"),
                    ("earned_at", "available_at"),
                    ("ends", "first_end"),
                )
            },
        ),
    )
    readonly_fields = ("holder", "opened_by", "given", "left", "reserved", "state_n", "ends", "first_end")
    change_form_outer_after_template = "console/lot_panels.html"

    def panels(self, request: HttpRequest, obj: Lot) -> Mapping[str, Any]:
        """Everything that took from the lot."""
        return {"used_by": used_by([obj])}

    @display(description=_("opened"))
    def opened(self, lot: Lot) -> str:
        """When the points were earned, in the brand's time."""
        return instant(lot.earned_at)

    @display(description=_("member"))
    def holder(self, lot: Lot) -> SafeString | str:
        """Whose account, as a link."""
        return link(lot.account, lot.account.member)

    @display(description=_("opened by"))
    def opened_by(self, lot: Lot) -> SafeString | str:
        """The entry that opened it, as a link."""
        return link(lot.entry, wording.what(lot.entry))

    @display(description=_("points"))
    def given(self, lot: Lot) -> SafeString:
        """What it began with."""
        return number(lot.points)

    @display(description=_("remaining"))
    def left(self, lot: Lot) -> SafeString:
        """What was not consumed yet."""
        return number(lot.remaining)

    @display(description=_("held"))
    def reserved(self, lot: Lot) -> SafeString:
        """What holds keep."""
        return number(lot.held)

    @display(description=_("state"))
    def state_n(self, lot: Lot) -> str:
        """Pending, used up, or valid until when."""
        return lot_words(lot)

    @display(description=_("valid until"))
    def ends(self, lot: Lot) -> str:
        """The last day on which it can be spent."""
        return last_valid_day(lot.expires_at)

    @display(description=_("valid until, when opened"))
    def first_end(self, lot: Lot) -> str:
        """The last day as it was promised first; grace may have moved it."""
        return last_valid_day(lot.original_expires_at)
