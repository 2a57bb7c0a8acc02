"""The page behind the link in marketing mails: GET asks, POST stops them (RFC 8058, one click).

A mailbox provider posts `List-Unsubscribe=One-Click` without cookies and without having seen the page; mail
scanners follow every link with GET, which therefore changes nothing.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.services.messages import unsubscribing
from loyalty.lib import clock, problems
from tenants.context import current_brand

_PAGE = (
    '<!doctype html><html lang="{}"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<meta name="robots" content="noindex"><meta name="referrer" content="no-referrer"><title>{}</title>'
    '<body style="font-family:system-ui;margin:15vh auto;max-width:32rem;padding:0 1rem">'
    "<h1>{}</h1><p>{}</p>{}</body></html>"
)


@never_cache
@csrf_exempt  # The seal of the link is what allows it; there is no session to be ridden on.
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, or stop marketing by mail to the member whom the link was sent to. One that is not ours is 404."""
    found = unsubscribing.read(token)
    if found is None:
        return problems.plain(404, "not_found", _("Not found."))
    if request.method == "POST":
        unsubscribing.stop(found, now=clock.now())
    with translation.override(found.language):
        return HttpResponse(_page(found.language, stopped=found.is_stopped))


def _page(language: str, *, stopped: bool) -> SafeString:
    brand = current_brand().name
    if stopped:
        title = _("You will get no more e-mails with offers from %(brand)s.") % {"brand": brand}
        text, button = _("Messages about your own account still reach you."), SafeString("")
    else:
        title = _("No more e-mails with offers from %(brand)s?") % {"brand": brand}
        text = _("Messages about your own account will still reach you.")
        button = format_html('<form method="post"><button>{}</button></form>', _("Unsubscribe"))
    return format_html(_PAGE, language, title, title, text, button)
