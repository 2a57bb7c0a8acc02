"""The steps that buttons below a page take: one runner, whatever is decided on it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from loyalty.lib.console import errors_of
from loyalty.lib.errors import Refusal, Text

Step = tuple[Callable[[], Any], Text]
"""What a step does, and what is said once it is done."""
DIGITS = 9


def run(
    request: HttpRequest, step: str, steps: Mapping[str, Step], *, after: Callable[[], Any], back: str
) -> HttpResponse:
    """Take the step that was posted, say what became of it, and go `back`. `after` runs where it was done."""
    if request.method == "POST" and step in steps:
        work, told = steps[step]
        try:
            work()
        except Refusal as refusal:
            for line in errors_of(refusal):
                messages.error(request, line)
        else:
            after()
            messages.success(request, str(told))
    return HttpResponseRedirect(back)


def number_of(text: str) -> int:
    """The number of a submission that a form names; 0, which none has, for anything else."""
    return int(text) if text.isdecimal() and len(text) < DIGITS else 0
