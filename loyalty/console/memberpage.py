"""The page that care works with: what a member has, what will end, what happened last and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from campaigns import selectors as rule_selectors
from campaigns.models import Message, RuleVersion
from loyalty.console import consentpanel
from loyalty.console.find import meant
from loyalty.console.messagepages.logpage import latest_messages
from loyalty.lib import clock, words
from loyalty.lib.console import Facts, Operation
from loyalty.lib.display import number
from mall.models import Redemption
from members.admin import KINDS, MemberAdmin
from members.identities import masked
from members.models import Identity, Member, Purchase
from points import selectors, tierwords, wording
from points.admin import frozen
from points.adminforms import (
    AdjustForm,
    FreezeForm,
    adjust,
    balance_facts,
    freeze,
    freeze_facts,
    unfreeze,
)
from points.models import Account, Entry
from points.postings import DEFAULT_CURRENCY
from points.services import open_account
from points.services import tiers as tier_services
from tenants.context import current_brand

LATEST = 10
"""How many entries, orders and redemptions the page shows before it refers to the lists."""


@dataclass(frozen=True, slots=True)
class Movement:
    """The entries of one business fact, with their reasons in words."""

    entry: Entry
    what: str
    whys: Sequence[str]
    points: int
    balance_after: int


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that the member is known by."""

    words: str
    app: str
    value: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything below and above the profile."""

    account: selectors.AccountView
    account_id: UUID | None
    tier: str
    tier_note: str
    movements: Sequence[Movement]
    orders: Sequence[Purchase]
    more_entries: str
    more_orders: str
    points_name: str
    later: int
    redemptions: Sequence[Redemption]
    identities: Sequence[Mark]
    more_redemptions: str
    messages: Sequence[Message]
    more_messages: str


def desk_of(member: Member, now: datetime, *, reach: bool) -> Desk:
    """The member as care sees them, at `now`; phone and address in full for those who may `reach` people."""
    account = Account.objects.filter(member=member, currency=DEFAULT_CURRENCY).first()
    entries = list(
        Entry.objects.filter(account=account).order_by("-seq")[: LATEST * 4] if account is not None else []
    )
    tier, note = _tier(member, now)
    view = selectors.account_view(member.pk, now)
    return Desk(
        account=view,
        account_id=account.pk if account else None,
        tier=tier,
        tier_note=note,
        movements=_movements(entries),
        orders=list(Purchase.objects.filter(member=member).order_by("-ordered_at")[:LATEST]),
        more_entries=reverse("admin:points_account_change", args=[account.pk]) if account else "",
        more_orders=reverse("admin:members_purchase_changelist") + f"?member__id__exact={member.pk}",
        points_name=current_brand().points_label,
        identities=[
            Mark(
                str(KINDS.get(i.provider, i.provider)),
                i.app_id,
                i.subject if reach else masked(i.provider, i.subject),
                i.created_at,
            )
            for i in Identity.objects.filter(member=member).order_by("provider", "subject")
        ],
        redemptions=list(
            Redemption.objects.filter(member=member).select_related("reward").order_by("-placed_at")[:LATEST]
        ),
        more_redemptions=reverse("admin:mall_redemption_changelist") + f"?member__id__exact={member.pk}",
        messages=latest_messages(member.pk, LATEST),
        more_messages=reverse("admin:campaigns_message_changelist") + f"?member__id__exact={member.pk}",
        later=sum(points for _at, points in list(view.expiring)[LATEST:]),
    )


def _tier(member: Member, now: datetime) -> tuple[str, str]:
    held = tierwords.told(tier_services.tier_view(member.pk, now))
    if held is None:
        return "", ""
    name = words.pick(held["name"]) or held["code"]
    above, keep = held["next"], held["keep"]
    notes = [above["text"] if above else _("the highest tier"), *([keep["text"]] if keep else [])]
    return name, " · ".join(notes)


def _movements(entries: Sequence[Entry]) -> list[Movement]:
    """The latest facts, newest first; an order and its three rules are one line."""
    names = rule_names({entry.rule for entry in entries if entry.rule})
    facts: dict[tuple[UUID, str], list[Entry]] = {}
    for entry in entries:
        facts.setdefault((entry.journal_id, entry.kind), []).append(entry)
    return [
        Movement(
            entry=fact[0],
            what=wording.what(fact[0]),
            whys=[text for text in (why(entry, names) for entry in reversed(fact)) if text],
            points=sum(entry.signed_points for entry in fact),
            balance_after=fact[0].balance_after,
        )
        for fact in list(facts.values())[:LATEST]
    ]


def rule_names(codes: set[str]) -> dict[str, str]:
    """What rules are called in the page's language, by their codes."""
    rows = RuleVersion.objects.filter(rule__code__in=codes).order_by("version")
    return {code: words.pick(body.get("name")) for code, body in rows.values_list("rule__code", "body")}


def why(entry: Entry, rule_names: Mapping[str, str]) -> str:
    """What stands behind an entry: the rule by its name and points, or the reason given and by whom."""
    rule = ""
    if entry.rule_version:
        name = rule_names.get(entry.rule) or entry.rule
        rule = f"{name} {entry.signed_points:+,d}"
    by = entry.actor.removeprefix("operator:") if entry.actor.startswith("operator:") else ""
    return " · ".join(part for part in (rule, entry.reason, by) if part)


def adjust_member(admin: Any, request: HttpRequest, member: Member, data: dict[str, Any]) -> Any:
    """The account's adjustment, from the member's page; opens the account if there is none yet."""
    return adjust(admin, request, account_of(member), data)


def member_facts(member: Member) -> Facts:
    """What the member has now; zeros where there is no account yet."""
    account = Account.objects.filter(member=member, currency=DEFAULT_CURRENCY).first()
    return balance_facts(account or Account(member=member, currency=DEFAULT_CURRENCY))


def account_of(member: Member) -> Account:
    """The member's account of the main currency; opened where there is none yet."""
    return Account.objects.get(pk=open_account(member_id=member.pk, now=clock.now()))


def freeze_member(admin: Any, request: HttpRequest, member: Member, data: dict[str, Any]) -> Any:
    """The account's freeze, which covers all accounts of the member."""
    return freeze(admin, request, account_of(member), data)


def unfreeze_member(admin: Any, request: HttpRequest, member: Member, data: dict[str, Any]) -> Any:
    """Lift the freeze of all accounts of the member."""
    return unfreeze(admin, request, account_of(member), data)


def any_frozen(member: Member) -> bool:
    """Whether something of the member's is frozen."""
    return any(frozen(account) for account in Account.objects.filter(member=member))


class MemberDesk(MemberAdmin):
    """The member's page with the panels of all rooms."""

    list_display = ("who", "known_by", "state", "available", "tier_name", "enrolled_at")  # type: ignore[assignment]
    change_form_outer_before_template = "console/member_head.html"
    change_form_outer_after_template = "console/member_panels.html"
    operations = (
        Operation(
            "adjust",
            gettext_lazy("Adjust points"),
            gettext_lazy(
                "A correction by hand is an entry of its own in the ledger, with your name and the reason."
            ),
            "points.adjust_account",
            adjust_member,
            icon="exposure",
            form=AdjustForm,
            facts=member_facts,
            shown=lambda member: member.status == Member.Status.ACTIVE,
        ),
        Operation(
            "freeze",
            gettext_lazy("Freeze"),
            gettext_lazy("Stops earning or spending on all accounts of this member until it is lifted."),
            "points.freeze_account",
            freeze_member,
            icon="ac_unit",
            danger=True,
            form=FreezeForm,
            shown=lambda member: not any_frozen(member),
            facts=lambda member: freeze_facts(Account(member=member)),
        ),
        Operation(
            "unfreeze",
            gettext_lazy("Lift the freeze"),
            gettext_lazy("The member can earn and spend again."),
            "points.freeze_account",
            unfreeze_member,
            icon="lock_open",
            shown=any_frozen,
        ),
        *consentpanel.OPERATIONS,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Member]:
        """With what the list shows of other rooms, in a fixed number of queries."""
        account = Account.objects.filter(member=OuterRef("pk"), currency=DEFAULT_CURRENCY)
        found: QuerySet[Member] = super().get_queryset(request)
        return (
            found.annotate(points_available=Subquery(account.values("available")[:1]))
            .select_related("tier")
            .prefetch_related("identities")
        )

    @display(description=gettext_lazy("known by"))
    def known_by(self, member: Member) -> str:
        """Phone or card, as a caller says it. A list shows no whole phone: people look over shoulders."""
        found = {identity.provider: identity.subject for identity in member.identities.all()}
        kind = next((kind for kind in ("phone", "card_no", "external_id", *found) if kind in found), "")
        return masked(kind, found[kind]) if kind else "–"

    def meant(self, term: str) -> Q:
        """Also by the number of a redemption, and by the reference of an entry."""
        return Q(pk__in=meant(term))

    @display(description=gettext_lazy("available"), ordering="points_available")
    def available(self, member: Any) -> SafeString:
        """Points that can be spent, as last written; the member's page reckons to the second."""
        return number(member.points_available)

    @display(description=gettext_lazy("tier"))
    def tier_name(self, member: Member) -> str:
        """The tier held, by the name that the brand gives it."""
        return getattr(member, "tier_words", "–")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the names of the tiers: they are read once, not for each member."""
        found = super().get_changelist_instance(request)
        names = rule_selectors.tier_names()
        lowest = next(iter(names), "")
        for member in found.result_list:
            code = member.tier.code if hasattr(member, "tier") else lowest
            member.tier_words = words.pick(names.get(code)) or code or "–"
        return found

    def panels(self, request: HttpRequest, obj: Member) -> Mapping[str, Any]:
        """What the member has and did."""
        return {
            "desk": desk_of(obj, clock.now(), reach=request.user.has_perm("members.contact_member")),
            "consents": consentpanel.consents_of(obj),
        }
