-- What the rules of a campaign gave and took back for what happened while it ran: in all, and by channel of the
-- order and by tier of today. What a rule of the same code gave at another time, for another campaign or for none,
-- is none of it; what was taken back belongs to the time of what had been given.
WITH span AS (
  SELECT * FROM unnest(%(starts)s::timestamptz[], %(closes)s::timestamptz[]) AS span (starts_at, ends_at)
)
SELECT grouping(purchase.channel), grouping(held.tier), coalesce(purchase.channel, ''), coalesce(held.tier, ''),
  coalesce(sum(entry.points) FILTER (WHERE entry.kind = 'accrual'), 0)::bigint,
  coalesce(sum(entry.points) FILTER (WHERE entry.kind = 'clawback'), 0)::bigint,
  count(DISTINCT account.member_id) FILTER (WHERE entry.kind = 'accrual'),
  count(DISTINCT entry.reference) FILTER (WHERE entry.kind = 'accrual' AND entry.source LIKE 'order%%')
FROM points_entry entry
JOIN points_account account ON account.id = entry.account_id
LEFT JOIN points_entry origin ON entry.kind = 'clawback' AND origin.id = entry.reverses_id
LEFT JOIN members_purchase purchase ON entry.kind = 'accrual' AND purchase.order_id = entry.reference
LEFT JOIN points_membertier tier ON tier.member_id = account.member_id
CROSS JOIN LATERAL (SELECT coalesce(tier.code, %(lowest)s::text)) AS held (tier)
WHERE entry.recorded_at >= %(recorded)s AND entry.rule = ANY(%(rules)s) AND entry.kind IN ('accrual', 'clawback')
  AND EXISTS (
    SELECT 1 FROM span
    WHERE coalesce(origin.effective_at, entry.effective_at) >= span.starts_at
      AND coalesce(origin.effective_at, entry.effective_at) < span.ends_at
  )
GROUP BY GROUPING SETS ((), (purchase.channel), (held.tier))
