"""Members by the hundred thousand who differ in what audiences ask about, written by the database itself.

Of every twenty members one never agreed to marketing and one withdrew it; of every ten one never bought, the
others did so up to four months ago, twice. Each has a phone number, and points that differ.
"""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

Server = psycopg.Connection[tuple[Any, ...]]
NEVER_AGREED, WITHDREW = 3, 7
"""What is left of a member's number by 20."""
_FILL = (
    """
INSERT INTO members_member(id, status, name, region, tags, children, consents, source, locale, referral_code,
  enrolled_at, updated_at)
SELECT ('01900007-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'active', 'Member ' || n,
  (ARRAY['440100', '310000', '110000'])[1 + n %% 3], '[]', '[]', '[]', '', 'en', 'W' || n,
  %(now)s::timestamptz - make_interval(days => 30 + n %% 700), %(now)s
FROM generate_series(1, %(members)s) n
""",
    """
INSERT INTO members_identity(id, member_id, provider, app_id, subject, verified_at, created_at)
SELECT ('01900008-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  ('01900007-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'phone', '',
  '+86138' || lpad((n * 10 + 5)::text, 8, '0'), %(now)s, %(now)s
FROM generate_series(1, %(members)s) n
""",
    """
INSERT INTO members_consent(id, member_id, purpose, version, granted, at, source, recorded_at)
SELECT gen_random_uuid(), ('01900007-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'marketing', '1',
  said.granted, %(now)s::timestamptz - said.ago, 'fill', %(now)s::timestamptz - said.ago
FROM generate_series(1, %(members)s) n,
  (VALUES (true, interval '20 days'), (false, interval '10 days')) AS said(granted, ago)
WHERE n %% 20 <> %(never)s AND (said.granted OR n %% 20 = %(withdrew)s)
""",
    """
INSERT INTO points_account(id, member_id, currency, available, pending, held, debt, lifetime_accrued,
  last_seq, last_activity_at, opened_at, updated_at)
SELECT ('01900009-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
  ('01900007-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'points', 0, 0, 0, 0, 0, 0, NULL,
  %(now)s, %(now)s
FROM generate_series(1, %(members)s) n
""",
    """
INSERT INTO members_purchase(id, order_id, member_id, status, ordered_at, channel, store_id, region, currency,
  amount, attributes, payments, content_hash, revision, evaluation, recorded_at)
SELECT gen_random_uuid(), 'crowd-' || n || '-' || time, ('01900007-0000-7000-8000-' ||
    lpad(to_hex(n), 12, '0'))::uuid, 'completed',
  %(now)s::timestamptz - make_interval(days => 1 + n %% 120 + time * 7, mins => n %% 600), 'store', 'S01', '',
  'CNY', 20 + n %% 200, '{}', '[]', '', 1, '{}', %(now)s
FROM generate_series(1, %(members)s) n, generate_series(0, 1) time
WHERE n %% 10 <> 0
""",
)


def fill(server: Server, schema: str, *, members: int, now: Any) -> None:
    """Write them into a brand that has no others with these keys; then look at the tables once."""
    values = {"members": members, "now": now, "never": NEVER_AGREED, "withdrew": WITHDREW}
    with server.transaction():
        server.execute("SET LOCAL session_replication_role = replica")
        server.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(schema)))
        for statement in _FILL:
            server.execute(statement.encode(), values)
    server.execute("VACUUM (ANALYZE)")


def agreed(number: int) -> bool:
    """Whether the nth member's latest word on marketing is yes."""
    return number % 20 not in (NEVER_AGREED, WITHDREW)


def member(number: int) -> str:
    """The id of the nth member."""
    return f"01900007-0000-7000-8000-{number:012x}"


def number(member_id: str) -> int:
    """Which member this is."""
    return int(member_id[-12:], 16)
