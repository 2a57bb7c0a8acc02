"""Celery: brand-aware tasks and the ticks that look for due work.

Ticks only ask Postgres what is due; nothing waits in Redis. Two beats, or a tick lost, do no harm.
"""

import os

from django_structlog.celery.steps import DjangoStructLogInitStep
from tenant_schemas_celery.app import CeleryApp

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")
app = CeleryApp("loyalty", task_cls="loyalty.lib.waiting:Waiting")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "outbox-handlers": {"task": "loyalty.outbox.tasks.tick_handlers", "schedule": 2.0},
    "policies-carried": {"task": "tenants.tasks.tick_policies", "schedule": 60.0},
    "points-due": {"task": "points.tasks.tick_due", "schedule": 5.0},
    "points-notices": {"task": "points.tasks.tick_notices", "schedule": 300.0},
    "points-seal": {"task": "points.tasks.tick_seal", "schedule": 15.0},
    "points-missed": {"task": "points.tasks.tick_missed", "schedule": 3600.0},
    "tiers-notices": {"task": "points.tasks.tick_tier_notices", "schedule": 600.0},
    "tiers-due": {"task": "points.tasks.tick_tiers", "schedule": 300.0},
    "orders-due": {"task": "campaigns.tasks.tick_orders", "schedule": 60.0},
    "rules-due": {"task": "campaigns.tasks.tick_rules", "schedule": 5.0},
    "rules-names": {"task": "campaigns.tasks.tick_names", "schedule": 60.0},
    "moments-due": {"task": "campaigns.tasks.tick_moments", "schedule": 5.0},
    "moments-days": {"task": "campaigns.tasks.tick_days", "schedule": 300.0},
    "segments-due": {"task": "campaigns.tasks.tick_segments", "schedule": 60.0},
    "wakeups-due": {"task": "campaigns.tasks.tick_wakeups", "schedule": 5.0},
    "wakeups-returns": {"task": "campaigns.tasks.tick_returns", "schedule": 60.0},
    "wakeups-all-returns": {
        "task": "campaigns.tasks.tick_returns",
        "schedule": 3600.0,
        "kwargs": {"everything": True},
    },
    "audience-grants-due": {"task": "campaigns.tasks.tick_audience_grants", "schedule": 10.0},
    "campaigns-due": {"task": "campaigns.tasks.tick_campaigns", "schedule": 5.0},
    "campaigns-budgets": {"task": "loyalty.analytics.tasks.tick_budgets", "schedule": 3.0},
    "messages-due": {"task": "campaigns.tasks.tick_messages", "schedule": 3.0},
    "programme-budget": {"task": "loyalty.analytics.tasks.tick_programme", "schedule": 300.0},
    "books-verification": {"task": "loyalty.analytics.tasks.tick_verification", "schedule": 60.0},
    "outbox-jobs": {"task": "loyalty.outbox.tasks.tick_jobs", "schedule": 3.0},
    "outbox-tidy": {"task": "loyalty.outbox.tasks.tick_tidy", "schedule": 3600.0},
    "webhooks-tidy": {"task": "partners.tasks.tick_tidy", "schedule": 3600.0},
}
# A tick that waited as long as until the next one fans out no more. Otherwise workers that fell behind would
# never catch up: late ticks go on sending tasks for every brand that expire before their turn comes. Seldom
# ticks, such as that of the log's sealing, outlast the frequent ones.
SHORTEST_WAIT_S = 10.0
for _tick in app.conf.beat_schedule.values():
    _tick["options"] = {
        "expires": max(_tick["schedule"], SHORTEST_WAIT_S),
        "headers": {"_period_s": _tick["schedule"]},
    }
