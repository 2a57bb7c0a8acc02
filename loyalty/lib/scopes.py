"""What an API key may do. A view names the scope of each method; the key must hold it."""

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
        held = request.auth.scopes
        if needed is None or "*" in held or needed in held:
            return True
        raise ScopeMissing(scope=needed)
