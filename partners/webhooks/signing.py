"""Secrets and signatures as Standard Webhooks 1.0.0 has them."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

PREFIX = "whsec_"
SECRET_BYTES = 24


def new_secret() -> str:
    """`whsec_` and 24 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


class Signer:
    """Signs with every secret that is in force: two of them while a rotation overlaps."""

    def __init__(self, plain_secrets: Sequence[str]) -> None:
        self._keys = [Webhook(secret) for secret in plain_secrets]

    def headers(self, webhook_id: str, at: datetime, body: str) -> dict[str, str]:
        """The three headers of an attempt at `at`; signatures are separated by a space, the newest first."""
        return {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(
                key.sign(msg_id=webhook_id, timestamp=at, data=body) for key in self._keys
            ),
        }
