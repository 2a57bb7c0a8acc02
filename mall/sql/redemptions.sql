-- Violations of I10, in words: redemptions against the ledger and against stock, one to one.
SELECT format('redemption %s has no burn of its member, points and reference', redemption.id)
FROM mall_redemption redemption
LEFT JOIN points_entry burn ON burn.id = redemption.entry_id
LEFT JOIN points_account account ON account.id = burn.account_id
LEFT JOIN members_member holder ON holder.id = account.member_id
WHERE burn.id IS NULL
  OR (burn.kind, burn.source, burn.reference, burn.points, burn.direction)
    IS DISTINCT FROM ('burn', 'redemption', redemption.reference, redemption.points, -1)
  OR (coalesce(holder.merged_into_id, holder.id), account.currency) IS DISTINCT FROM (redemption.member_id, redemption.currency)
UNION ALL
SELECT format('entry %s is a redemption''s burn that no redemption stands for', burn.id)
FROM points_entry burn
LEFT JOIN mall_redemption redemption ON redemption.entry_id = burn.id
WHERE burn.source = 'redemption' AND burn.kind = 'burn' AND redemption.id IS NULL
UNION ALL
SELECT format('redemption %s is %s, but %s of its %s points were given back',
  redemption.id, redemption.status, coalesce(back.points, 0), redemption.points)
FROM mall_redemption redemption
LEFT JOIN LATERAL (
  SELECT sum(entry.points) AS points, count(*) AS entries, min(entry.id::text) AS id
  FROM points_entry entry WHERE entry.reverses_id = redemption.entry_id
) back ON true
WHERE CASE WHEN redemption.status = 'cancelled'
  THEN (back.points, back.entries, back.id)
    IS DISTINCT FROM (redemption.points::numeric, 1::bigint, redemption.reversal_id::text)
  ELSE back.entries > 0 END
UNION ALL
SELECT format('stock of %s: %s taken, but redemptions took %s', item.sku, item.taken, used.quantity)
FROM mall_stockitem item
CROSS JOIN LATERAL (
  SELECT coalesce(sum(redemption.quantity), 0) AS quantity FROM mall_redemption redemption
  WHERE redemption.stock_id = item.id AND redemption.status <> 'cancelled'
) used
WHERE used.quantity <> item.taken OR item.on_hand <> item.received - item.taken
UNION ALL
SELECT format('redemption %s is %s, but its last step is %s', redemption.id, redemption.status, last.to_status)
FROM mall_redemption redemption
LEFT JOIN LATERAL (
  SELECT step.to_status FROM mall_redemptionstep step
  WHERE step.redemption_id = redemption.id ORDER BY step.at DESC, step.id DESC LIMIT 1
) last ON true
WHERE last.to_status IS DISTINCT FROM redemption.status
LIMIT 5
