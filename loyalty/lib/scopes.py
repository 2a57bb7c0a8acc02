"""What an API key may do. A view names the scope of each method; the key must hold it.

Where what is asked for decides (jobs of several kinds), the view names all that may do, as `one|other`, and
demands the right one itself.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission

from loyalty.lib.errors import Refusal

SCOPES = (
    "members:read",
    "members:write",
    "orders:write",
    "points:read",
    "points:write",
    "rules:write",
    "mall:read",
    "mall:write",
    "webhooks:write",
    "*",
)


class ScopeMissing(Refusal):
    """The key is valid but was not given the scope that this call needs."""

    code = "scope_missing"
    status = 403
    title = _("The API key lacks the scope that this call needs.")


class HasScope(BasePermission):
    """Refuses when the caller's credentials lack the scope in the view's `required_scopes`."""

    def has_permission(self, request: Any, view: Any) -> bool:
        if request.auth is None:
            return False
        needed = view.required_scopes.get("GET" if request.method == "HEAD" else request.method)
        if needed is not None:
            demand(request, needed)
        return True


def demand(request: Any, scope: str) -> None:
    """Refuse a caller whose key lacks the scope, or all of `one|other`. Raises ScopeMissing."""
    held = request.auth.scopes
    if "*" not in held and held.isdisjoint(scope.split("|")):
        raise ScopeMissing(scope=scope)
