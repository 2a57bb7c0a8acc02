-- A rule's variants side by side: for all members of an audience, told apart by the engine's stable hash of rule and
-- member (campaigns/engine/rule.py, bucket), what they bought in the period and what the rule gave them in it, what
-- came back taken off both. Each is summed with its squares, so that a difference can be told with its interval.
WITH whom AS (
  SELECT member.id,
    -- The first eight bytes as a number, modulo 10,000; 7,296 is what 2³² leaves.
    mod(mod(('x' || encode(substr(hash.bytes, 1, 4), 'hex'))::bit(32)::bigint, 10000) * 7296
      + ('x' || encode(substr(hash.bytes, 5, 4), 'hex'))::bit(32)::bigint, 10000) < %(rollout)s AS treated
  FROM members_member member
  CROSS JOIN LATERAL (SELECT sha256(convert_to(%(code)s || '|' || member.id::text, 'UTF8')) AS bytes) hash
  WHERE member.status = 'active' AND member.enrolled_at < %(until)s
    AND (%(segment)s::text IS NULL OR EXISTS (
      SELECT 1 FROM campaigns_segmentmember kept
      WHERE kept.member_id = member.id AND kept.code = %(segment)s))
), bought AS (
  SELECT member_id, count(*) AS orders, sum(amount) AS amount
  FROM (
    SELECT purchase.member_id, kept.amount
    FROM members_purchase purchase CROSS JOIN LATERAL (
      SELECT sum((line.quantity * line.unit_price - line.discount)
        * (line.quantity - line.returned) / line.quantity) AS amount
      FROM members_purchaseline line WHERE line.purchase_id = purchase.id AND line.quantity > line.returned
    ) kept
    WHERE purchase.ordered_at >= %(since)s AND purchase.ordered_at < %(until)s AND kept.amount IS NOT NULL
  ) orders
  GROUP BY member_id
), given AS (
  SELECT account.member_id, sum(kept.points) AS points,
    sum(kept.points * (%(costs)s::numeric[])[1 + width_bucket(entry.effective_at, %(changes)s::timestamptz[])])
      AS cost
  FROM points_entry entry
  JOIN points_account account ON account.id = entry.account_id
  CROSS JOIN LATERAL (
    SELECT entry.points - coalesce(sum(back.points), 0) AS points FROM points_entry back
    WHERE back.reverses_id = entry.id) kept
  WHERE entry.rule = %(code)s AND entry.kind = 'accrual'
    -- Nothing takes effect more than a day after it is recorded; by that time the ledger has an index.
    AND entry.recorded_at >= %(since)s::timestamptz - interval '2 days'
    AND entry.effective_at >= %(since)s AND entry.effective_at < %(until)s
  GROUP BY account.member_id
)
SELECT treated, count(*), count(bought.member_id),
  coalesce(sum(bought.orders), 0), coalesce(sum(bought.orders::numeric ^ 2), 0),
  coalesce(sum(bought.amount), 0), coalesce(sum(bought.amount ^ 2), 0),
  coalesce(sum(given.points), 0), coalesce(sum(given.points::numeric ^ 2), 0),
  coalesce(sum(given.cost), 0), coalesce(sum(given.cost ^ 2), 0)
FROM whom
LEFT JOIN bought ON bought.member_id = whom.id
LEFT JOIN given ON given.member_id = whom.id
GROUP BY treated
