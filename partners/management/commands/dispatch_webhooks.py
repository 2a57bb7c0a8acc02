"""`manage.py dispatch_webhooks`: sends webhooks until it is told to stop. Several may run."""

import asyncio
import signal
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from prometheus_client import start_http_server

from partners.webhooks.dispatcher import Dispatcher
from partners.webhooks.hints import Hints

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Relay new events and deliver webhooks, for all active brands, until SIGTERM or Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to serve metrics."""
        parser.add_argument("--metrics-port", type=int, default=0, help="Prometheus on this port; 0: none")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until told to stop; what is under way is finished within five seconds."""
        if options["metrics_port"]:
            start_http_server(options["metrics_port"], addr="0.0.0.0")  # noqa: S104 - inside the container
        asyncio.run(self._run())

    async def _run(self) -> None:
        dispatcher = Dispatcher(hints=Hints(settings.REDIS_URL))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, dispatcher.stop)
        log.info("dispatcher_started")
        await dispatcher.run()
        log.info("dispatcher_stopped")
