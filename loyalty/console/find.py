"""One box for whatever a caller can name: it leads to the member at once, or to a list to choose from."""

from contextlib import suppress
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from loyalty.console.reserved import holders
from mall.models import Redemption
from members.models import Member, Purchase
from members.selectors import found_ids, named
from points.models import Entry

MOST = 64
"""How long a term may be; whatever is longer is no number that anybody reads out."""


def meant(term: str) -> set[UUID]:
    """The members whom the term means. Each look-up goes by an index of this brand's schema.

    Phone (whole, or its last four digits), card, external id, order number, referral code, member id; number
    or code of a redemption; reference or id of a ledger entry or of a hold.
    """
    found = found_ids(term)
    found |= set(Redemption.objects.filter(reference=term).values_list("member_id", flat=True))
    found |= set(Redemption.objects.filter(code=term.upper()).values_list("member_id", flat=True))
    entries = Entry.objects.filter(reference=term).values_list("account__member_id", flat=True)
    found |= set(entries.order_by()[:MOST])
    found |= holders(term)
    with suppress(ValueError):
        found |= set(Entry.objects.filter(pk=UUID(term)).values_list("account__member_id", flat=True))
    return found


def find(request: HttpRequest) -> HttpResponse:
    """`/console/find/?q=…`: the member's page where only one is meant, else the list of those it may be.

    A guest's order is nobody's: its number leads to the order.
    """
    if not request.user.has_perm("members.view_member"):
        raise PermissionDenied
    term = " ".join(request.GET.get("q", "").replace("\x00", "").split())
    if not term:
        return HttpResponseRedirect(reverse("admin:index"))
    found = meant(term) or set(Member.objects.filter(named(term)).values_list("pk", flat=True)[:2])
    if len(found) == 1:
        return HttpResponseRedirect(reverse("admin:members_member_change", args=list(found)))
    guest = None if found else Purchase.objects.filter(order_id=term, member__isnull=True).first()
    if guest is not None:
        return HttpResponseRedirect(reverse("admin:members_purchase_change", args=[guest.pk]))
    if not found:
        messages.warning(request, _("Nobody was found for “%(term)s”.") % {"term": term[:MOST]})
        return HttpResponseRedirect(reverse("admin:index"))
    return HttpResponseRedirect(f"{reverse('admin:members_member_changelist')}?{urlencode({'q': term})}")
