"""A WeChat that answers, and a brand that has a mini-program."""

import threading
from collections.abc import Iterator

import pytest

from loyalty.dev import wechat_sandbox
from loyalty.lib import crypto
from members import tokens
from tenants import hosts
from tenants.models import Brand
from tests.orders.conftest import publish
from tests.support.client import Api
from tests.support.sessions import PREFIX

__all__ = ["publish"]


@pytest.fixture(autouse=True)
def _no_keys_remembered() -> None:
    tokens.forget()


@pytest.fixture(scope="session")
def wechat_address() -> Iterator[str]:
    """The sandbox server, serving on a free port."""
    server = wechat_sandbox.server(0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture
def wechat(acme: Brand, wechat_address: str, settings: object) -> str:
    """acme's mini-program, known to the sandbox; returns the server's address."""
    settings.WECHAT_API_URL = wechat_address
    enable(acme, wechat_sandbox.APP_ID, wechat_sandbox.SECRET)
    return wechat_address


@pytest.fixture
def anybody(acme: Brand) -> Api:
    """A client of acme's member API who is not signed in."""
    return Api("acme.localhost", None, prefix=PREFIX)


def enable(brand: Brand, app_id: str, secret: str) -> None:
    """Give the brand a mini-program."""
    own = {"wechat_app_id": app_id, "wechat_secret": crypto.seal(secret)}
    Brand.objects.filter(pk=brand.pk).update(settings={**brand.settings, **own})
    hosts.forget()
