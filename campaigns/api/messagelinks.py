"""What comes back from messages: clicks on their links, and the text messages' provider's calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from campaigns.services.messages import links, replies
from loyalty.lib import clock, problems

MOST: Final = 1000


@never_cache
@require_safe
def follow(request: HttpRequest, token: str) -> HttpResponse:
    """Note the click and go on to where the message leads. A link that is not ours is 404."""
    message_id = links.read(token)
    target = links.follow(message_id=message_id, now=clock.now()) if message_id is not None else None
    if target is None:
        return problems.plain(404, "not_found", _("Not found."))
    return HttpResponseRedirect(target)


@csrf_exempt
@require_POST
def sms_replies(request: HttpRequest, secret: str) -> HttpResponse:
    """Replies to text messages (SmsUp): 退订 opts out of marketing by text message."""
    return _taken(request, secret, lambda rows: replies.replied(replies=rows, now=clock.now()))


@csrf_exempt
@require_POST
def sms_reports(request: HttpRequest, secret: str) -> HttpResponse:
    """Delivery reports of text messages (SmsReport)."""
    return _taken(request, secret, lambda rows: replies.reported(reports=rows, now=clock.now()))


def _taken(request: HttpRequest, secret: str, take: Callable[[list[dict[str, Any]]], int]) -> HttpResponse:
    """The provider repeats a call until it is answered with code 0."""
    if not replies.is_secret(secret):
        return problems.plain(404, "not_found", _("Not found."))
    try:
        rows = json.loads(request.body)
    except ValueError:
        rows = None
    if not isinstance(rows, list) or len(rows) > MOST or not all(isinstance(row, dict) for row in rows):
        return problems.plain(400, "malformed", _("The body must be a list of objects."))
    take(rows)
    return JsonResponse({"code": 0, "msg": "OK"})
