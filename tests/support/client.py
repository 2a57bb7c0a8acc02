"""A partner, or a member, that calls the API of one brand."""

import json
from typing import Any

from django.db import connection
from django.test import Client
from django.test.client import ClientHandler

# One for all: each would load the middleware for itself.
HANDLER = ClientHandler(enforce_csrf_checks=False)


class Api:
    """HTTP calls to one brand's host, in JSON. Leaves the current brand as it was."""

    def __init__(self, host: str, token: str | None, prefix: str = "/api/v1", language: str = "en") -> None:
        self.client = Client(raise_request_exception=False)
        self.client.handler = HANDLER
        self.host, self.token, self.prefix, self.language = host, token, prefix, language

    def get(self, path: str, **more: Any) -> Any:
        """GET; query parameters may stand in the path."""
        return self.call("GET", path, None, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """POST `body` as JSON; `key=` is the Idempotency-Key."""
        return self.call("POST", path, body if body is not None else {}, **more)

    def put(self, path: str, body: Any, **more: Any) -> Any:
        """PUT `body` as JSON."""
        return self.call("PUT", path, body, **more)

    def patch(self, path: str, body: Any, **more: Any) -> Any:
        """PATCH `body` as JSON."""
        return self.call("PATCH", path, body, **more)

    def delete(self, path: str, **more: Any) -> Any:
        """DELETE."""
        return self.call("DELETE", path, None, **more)

    def call(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """Any call. `raw` sends these bytes instead of JSON."""
        sent = {"Host": self.host, "Accept-Language": self.language, **(headers or {})}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if key is not None:
            sent["Idempotency-Key"] = key
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        before = connection.tenant
        try:
            return self.client.generic(
                method, self.prefix + path, data=data, content_type=content_type, headers=sent
            )
        finally:
            connection.set_tenant(before)
