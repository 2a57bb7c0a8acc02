"""Every route of the API, read off the router."""

import re
from dataclasses import dataclass
from uuid import UUID

from django.urls import URLPattern

from loyalty import urls

NOWHERE = UUID("01900000-0000-7000-8000-00000000dead")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Route:
    """One method of one path; parameters in the path are ids that do not exist."""

    method: str
    path: str
    scope: str | None
    public: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def collect(patterns: list[URLPattern]) -> list[Route]:
    """The routes of a list of patterns. The scope is None where a view asks for none."""
    found = []
    for pattern in patterns:
        view = pattern.callback.view_class
        path = "/" + re.sub(
            r"<(?:(\w+):)?\w+>",
            lambda m: str(NOWHERE) if m[1] == "uuid" else "nowhere-1",
            str(pattern.pattern),
        )
        public = not view.authentication_classes
        for method in METHODS:
            if hasattr(view, method.lower()):
                scopes = getattr(view, "required_scopes", {})
                found.append(Route(method, path, scopes.get(method), public))
    return found


PARTNER = collect(urls.partner_api)
MEMBER = collect(urls.member_api)
