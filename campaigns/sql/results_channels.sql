-- What was bought while a campaign ran, by its control group and channel.
WITH span AS (
  SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS span (starts_at, ends_at)
)
SELECT
  ('x' || encode(substring(sha256(convert_to(%(salt)s || member.id::text, 'UTF8')) FROM 1 FOR 4), 'hex'))
    ::bit(32)::bigint %% 10000 < %(control)s AS control,
  purchase.channel,
  count(DISTINCT purchase.member_id), count(*), sum(purchase.amount)
FROM members_purchase purchase JOIN members_member member ON member.id = purchase.member_id
WHERE purchase.recorded_at >= %(recorded)s AND purchase.visible_earn AND purchase.status <> 'cancelled'
  AND member.status = 'active' AND member.enrolled_at < %(until)s
  AND EXISTS (
    SELECT 1 FROM span WHERE purchase.ordered_at >= span.starts_at AND purchase.ordered_at < span.ends_at
  )
GROUP BY 1, 2
ORDER BY 1, 2
