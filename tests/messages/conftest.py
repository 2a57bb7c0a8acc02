"""The providers' sandbox, answering over HTTP, and channels that lead there."""

import threading
from collections.abc import Iterator

import pytest
from django.core.cache import cache

from loyalty.dev import channel_sandbox
from loyalty.dev.channel_sandbox import Sandbox
from tests.orders.conftest import publish

__all__ = ["publish"]


@pytest.fixture
def providers(settings: object) -> Iterator[Sandbox]:
    """The sandbox, serving on a free port; all channels lead there."""
    sandbox = Sandbox()
    server = channel_sandbox.server(0, sandbox)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    for name in ("WECHAT_MESSAGE_API_URL", "WECOM_API_URL", "SMS_API_URL", "PUSH_API_URL"):
        setattr(settings, name, address)
    cache.clear()
    yield sandbox
    cache.clear()
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)
