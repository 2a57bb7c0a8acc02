-- I10: each redemption against its burn, what was given back, and its last step.
-- Each row is a violation in words, of the redemptions from %(first)s to %(last)s.
WITH redemption AS MATERIALIZED (SELECT * FROM mall_redemption WHERE id BETWEEN %(first)s AND %(last)s)
SELECT format('redemption %%s has no burn of its member, points and reference', redemption.id)
FROM redemption
LEFT JOIN LATERAL (SELECT one.* FROM points_entry one WHERE one.id = redemption.entry_id OFFSET 0) burn ON true
LEFT JOIN LATERAL (
  SELECT one.member_id, one.currency FROM points_account one WHERE one.id = burn.account_id OFFSET 0) account ON true
LEFT JOIN LATERAL (
  SELECT one.id, one.merged_into_id FROM members_member one WHERE one.id = account.member_id OFFSET 0) holder ON true
WHERE burn.id IS NULL
  OR (burn.kind, burn.source, burn.reference, burn.points, burn.direction)
    IS DISTINCT FROM ('burn', 'redemption', redemption.reference, redemption.points, -1)
  OR (coalesce(holder.merged_into_id, holder.id), account.currency) IS DISTINCT FROM (redemption.member_id, redemption.currency)
UNION ALL
SELECT format('redemption %%s is %%s, but %%s of its %%s points were given back',
  redemption.id, redemption.status, coalesce(back.points, 0), redemption.points)
FROM redemption
LEFT JOIN LATERAL (
  SELECT sum(entry.points) AS points, count(*) AS entries, min(entry.id::text) AS id
  FROM points_entry entry WHERE entry.reverses_id = redemption.entry_id
) back ON true
WHERE CASE WHEN redemption.status = 'cancelled'
  THEN (back.points, back.entries, back.id)
    IS DISTINCT FROM (redemption.points::numeric, 1::bigint, redemption.reversal_id::text)
  ELSE back.entries > 0 END
UNION ALL
SELECT format('redemption %%s is %%s, but its last step is %%s', redemption.id, redemption.status, last.to_status)
FROM redemption
LEFT JOIN LATERAL (
  SELECT step.to_status FROM mall_redemptionstep step
  WHERE step.redemption_id = redemption.id ORDER BY step.at DESC, step.id DESC LIMIT 1
) last ON true
WHERE last.to_status IS DISTINCT FROM redemption.status
LIMIT %(limit)s
