"""One supervisor for each instance: a lock that the system lets go of when its holder dies."""

import fcntl
from typing import IO

from loyalty.dev.places import Places


def take(places: Places) -> IO[str] | None:
    """The lock of this instance, held until the file is closed; None when another process has it."""
    handle = places.lock_file.open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle
