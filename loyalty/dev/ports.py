"""Ports on 127.0.0.1: the same as last time where they are free."""

import random
import socket

from loyalty.dev.places import Places, read_json, write_json


def is_free(port: int) -> bool:
    """Can a server listen on this port of 127.0.0.1 now?"""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def any_free() -> int:
    """A free port, by chance, below those that systems take for outgoing connections.

    From that range a client that calls a server which is just being restarted may be given the very
    port it calls, and then talks to itself.
    """
    for _ in range(100):
        port = random.randrange(20_000, 30_000)
        if is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def choose(places: Places, name: str, *preferred: int) -> int:
    """The port for `name`: last time's, else the first preferred one that is free, else any.

    A port that another name of this instance remembers is not given away.
    """
    known = {key: port for key, port in read_json(places.ports_file).items() if isinstance(port, int)}
    others = {port for key, port in known.items() if key != name}
    candidates = [known[name]] if name in known else []
    candidates += [port for port in preferred if port not in others]
    port = next((port for port in candidates if is_free(port)), None)
    while port is None or port in others:
        port = any_free()
    write_json(places.ports_file, known | {name: port})
    return port
