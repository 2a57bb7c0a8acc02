"""`python -m loyalty.probe`: the container's health check. Asks /healthz of the web server beside it."""

import os
import sys
import urllib.request


def main() -> int:
    """0 when the web server of this container answers, else 1."""
    url = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return 0 if answer.status == 200 else 1
    except OSError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
