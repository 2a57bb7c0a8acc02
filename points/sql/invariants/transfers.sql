-- I9: a transfer moved as many points as it took, with the same expiry dates. A pass over all entries for those
-- journals that hash to %(turn)s of %(turns)s. Each row is a violation in words.
WITH moved AS MATERIALIZED (
  SELECT id, journal_id, system_account, kind, source, reference, rule, direction, points FROM points_entry
  WHERE (system_account = 'transfer' OR kind = 'transfer')
    AND (uuid_hash(journal_id) & 2147483647) %% %(turns)s = %(turn)s
)
SELECT format('journal %%s: %%s sent, %%s received', journal_id, sent, received)
FROM (
  SELECT journal_id, sum(points) FILTER (WHERE direction = -1) AS sent,
    sum(points) FILTER (WHERE direction = 1) AS received, count(*) AS entries
  FROM moved WHERE system_account = 'transfer' AND source <> 'merge' GROUP BY journal_id
) pairs WHERE sent IS DISTINCT FROM received OR entries <> 2
UNION ALL
SELECT format('lot %%s: %%s points until %%s, came from lot %%s: %%s until %%s', lot.id, lot.points,
    lot.original_expires_at, lot.from_lot_id, taken.points, origin.original_expires_at)
FROM moved received
CROSS JOIN LATERAL (
  SELECT * FROM points_lot own WHERE own.id = received.id AND own.entry_id = received.id
  UNION ALL
  SELECT * FROM points_lot other WHERE other.entry_id = received.id AND other.entry_id <> other.id
  OFFSET 0
) lot
LEFT JOIN LATERAL (SELECT one.* FROM points_lot one WHERE one.id = lot.from_lot_id OFFSET 0) origin ON true
LEFT JOIN moved sent ON sent.journal_id = received.journal_id AND sent.kind = 'transfer'
  AND sent.direction = -1 AND (sent.source <> 'merge' OR sent.reference = received.reference)
LEFT JOIN LATERAL (
  SELECT one.points FROM points_consumption one
  WHERE one.entry_id = sent.id AND one.lot_id = origin.id OFFSET 0) taken ON true
WHERE received.kind = 'transfer' AND received.rule = 'in' AND (taken.points IS DISTINCT FROM lot.points
  OR CASE
    -- One person's points slide on as before.
    WHEN received.source = 'merge' THEN origin.inactivity_months IS NULL
      AND origin.expires_at IS NOT DISTINCT FROM origin.original_expires_at
      AND lot.original_expires_at IS DISTINCT FROM origin.expires_at
    -- Sliding inactivity gives way to the date at which it would have ended for the giver.
    WHEN origin.inactivity_months IS NOT NULL THEN lot.original_expires_at IS NULL
    -- A grace may have moved the giver's date before or after.
    WHEN origin.expires_at IS DISTINCT FROM origin.original_expires_at
      THEN lot.original_expires_at > origin.expires_at OR lot.original_expires_at IS NULL
    ELSE lot.original_expires_at IS DISTINCT FROM origin.expires_at END)
LIMIT %(limit)s
