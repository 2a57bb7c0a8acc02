-- What members bought while a campaign ran, by its control group and their tier of today. `squares` are those of
-- what each member spent.
WITH span AS (
  SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS span (starts_at, ends_at)
), bought AS (
  SELECT purchase.member_id, count(*) AS orders, sum(purchase.amount) AS amount
  FROM members_purchase purchase
  WHERE purchase.recorded_at >= %(recorded)s AND purchase.member_id IS NOT NULL
    AND purchase.visible_earn AND purchase.status <> 'cancelled'
    AND EXISTS (
      SELECT 1 FROM span WHERE purchase.ordered_at >= span.starts_at AND purchase.ordered_at < span.ends_at
    )
  GROUP BY purchase.member_id
)
SELECT
  ('x' || encode(substring(sha256(convert_to(%(salt)s || member.id::text, 'UTF8')) FROM 1 FOR 4), 'hex'))
    ::bit(32)::bigint %% 10000 < %(control)s AS control,
  coalesce(tier.code, %(lowest)s::text) AS tier,
  count(*), count(bought.member_id), coalesce(sum(bought.orders), 0)::bigint,
  coalesce(sum(bought.amount), 0), coalesce(sum(bought.amount * bought.amount), 0)
FROM members_member member
LEFT JOIN points_membertier tier ON tier.member_id = member.id
LEFT JOIN bought ON bought.member_id = member.id
WHERE member.status = 'active' AND member.enrolled_at < %(until)s
GROUP BY 1, 2
ORDER BY 1, 2
