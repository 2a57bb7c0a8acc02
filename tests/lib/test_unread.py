"""Bodies that nobody wanted: read to their end before the answer, or the connection would be cut."""

import io

import pytest
from django.test import Client

from loyalty.lib import unread
from tests.support import brands

pytestmark = pytest.mark.django_db


class Body(io.RawIOBase):
    """A body of blanks that tells how much of it is left."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        count = self.left if size < 0 else min(size, self.left)
        self.left -= count
        return b" " * count


@pytest.mark.parametrize(
    ("path", "key", "size", "status", "left"),
    [
        pytest.param("/api/v1/orders", "wrong", 100_000, 401, 0, id="refused"),
        pytest.param("/api/v1/nothing", "", 100_000, 404, 0, id="no-such-page"),
        pytest.param("/api/v1/orders", None, 3 * 2**20, 413, 0, id="too-large"),
        pytest.param("/api/v1/orders", "wrong", unread.MOST + 7, 401, 7, id="within-bounds"),
    ],
)
def test_what_a_refusal_leaves_is_read(
    acme: object, path: str, key: str | None, size: int, status: int, left: int
) -> None:
    body = Body(size)
    answer = Client().generic(
        "POST",
        path,
        headers={
            "host": "acme.localhost",
            "authorization": f"Bearer {brands.key('acme') if key is None else key}",
        },
        **{"wsgi.input": body, "CONTENT_LENGTH": str(size), "CONTENT_TYPE": "application/json"},  # type: ignore[arg-type]
    )
    assert (answer.status_code, body.left) == (status, left)
