"""A wire that is cut at times: after the server has answered, before the client hears of it."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHUNK = 65_536


@contextmanager
def cutting(address: str, share: float) -> Iterator[tuple[str, list[int]]]:
    """The address of a proxy that swallows this share of the answers; how many so far, in a list of one."""
    host, port = address.split(":")
    cuts = [0]
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    draw = random.Random(1)
    lock = threading.Lock()

    def relay(client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError),
            socket.create_connection((host, int(port))) as upstream,
            selectors.DefaultSelector() as ready,
        ):
            ready.register(client, selectors.EVENT_READ, upstream)
            ready.register(upstream, selectors.EVENT_READ, client)
            while not any(_passed(key.fileobj, key.data) for key, _events in ready.select()):
                pass

    def _passed(from_: Any, to: socket.socket, upstream_port: int = int(port)) -> bool:
        """Hand on what has come; True at the end, and where it is swallowed instead."""
        data = from_.recv(CHUNK)
        with lock:
            cut = bool(data) and from_.getpeername()[1] == upstream_port and draw.random() < share
            cuts[0] += cut
        if data and not cut:
            to.sendall(data)
        return cut or not data

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener was closed: the end
            while True:
                client, _peer = listener.accept()
                threading.Thread(target=relay, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", cuts
    finally:
        listener.close()
