"""What a refusal leaves unread of a body is read before the answer goes out, within bounds.

What the server finds unread ends the connection: the client may lose the answer, or the next request that it
sends there. A call with a wrong key and a large body saw a broken connection instead of its 401.
"""

from collections.abc import Callable

from django.http import HttpRequest, UnreadablePostError
from django.http.response import HttpResponseBase

MOST = 32 * 2**20
CHUNK = 64 * 2**10


class UnreadMiddleware:
    """Passes over the rest of a request's body, at most MOST bytes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.META.get("CONTENT_LENGTH") not in (None, "", "0"):
            _pass_over(request)
        return response


def _pass_over(request: HttpRequest) -> None:
    left = MOST
    try:
        while left > 0 and (portion := request.read(CHUNK)):
            left -= len(portion)
    except UnreadablePostError:
        pass  # the client is gone
