"""Operators of every role in a browser without a screen: sign in, look, press."""

from typing import Any

from django.db import connection
from django.test import Client

from tenants.context import in_brand
from tenants.models import Brand
from tenants.operators.models import Role
from tenants.provisioning import create_operator

PASSWORD = "a long enough passphrase"
ROLES = tuple(Role.values)


class Browser:
    """One person at one host. Leaves the current brand as it was."""

    def __init__(self, host: str, language: str = "en") -> None:
        self.client = Client(
            raise_request_exception=False, headers={"host": host, "accept-language": language}
        )
        self.host = host

    def get(self, path: str, **more: Any) -> Any:
        """GET a page of the console, by its path below /console/ or from the root."""
        return self._call(self.client.get, path, **more)

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
        """POST a form."""
        return self._call(self.client.post, path, data or {}, **more)

    def sign_in(self, name: str, password: str = PASSWORD) -> Any:
        """Through the sign-in page."""
        return self.post("login/", {"username": name, "password": password, "next": "/console/"})

    def _call(self, method: Any, path: str, *args: Any, **more: Any) -> Any:
        before = connection.tenant
        try:
            return method(path if path.startswith("/") else f"/console/{path}", *args, **more)
        finally:
            connection.set_tenant(before)


def operator_of(brand: Brand, role: str) -> str:
    """The name of a new operator of this role."""
    name = f"{role}@{brand.slug}.example"
    with in_brand(brand):
        create_operator(email=name, role=role, password=PASSWORD, name="Lin")
    return name


def signed_in(brand: Brand, role: str, language: str = "en") -> Browser:
    """An operator of this role, signed in at the brand's host."""
    browser = Browser(f"{brand.slug}.localhost", language)
    browser.client.cookies["django_language"] = language
    answer = browser.sign_in(operator_of(brand, role))
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return browser


def platform_operator(language: str = "en") -> Browser:
    """An operator of the platform, signed in at its host."""
    connection.set_schema_to_public()
    operator, _password = create_operator(email="root@platform.example", role=Role.OWNER, password=PASSWORD)
    operator.is_superuser = True
    operator.save(update_fields=["is_superuser"])
    browser = Browser("localhost", language)
    browser.client.cookies["django_language"] = language
    assert browser.sign_in("root@platform.example").status_code == 302
    return browser


def told(browser: Browser, path: str = "") -> str:
    """The next page that the operator sees, with the messages on it."""
    return browser.get(path).content.decode()


def no_rows(prefix: str) -> dict[str, str]:
    """What a form sends of a table that it only shows."""
    return {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
