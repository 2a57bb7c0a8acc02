-- I3: remaining of unfinished lots = available + pending + held; no lot gave more than it got.
-- Each row is a violation in words.
WITH used AS (SELECT lot_id, sum(points) AS points FROM points_consumption GROUP BY lot_id),
standing AS (
  SELECT account_id, sum(remaining) AS remaining FROM points_lot WHERE state <> 'closed'
  GROUP BY account_id
), opened AS (SELECT entry_id, sum(points) AS points FROM points_lot GROUP BY entry_id)
SELECT format('account %s: lots %s, account %s', account.id, coalesce(standing.remaining, 0),
    account.available + account.pending + account.held)
FROM points_account account LEFT JOIN standing ON standing.account_id = account.id
WHERE coalesce(standing.remaining, 0) <> account.available + account.pending + account.held
UNION ALL
SELECT format('lot %s: %s points, %s used, %s remaining, %s held', lot.id, lot.points,
    coalesce(used.points, 0), lot.remaining, lot.held)
FROM points_lot lot LEFT JOIN used ON used.lot_id = lot.id
WHERE lot.remaining <> lot.points - coalesce(used.points, 0)
  OR lot.held < 0 OR lot.held > lot.remaining OR lot.remaining > lot.points
  OR (lot.state = 'closed') <> (lot.remaining = 0) OR (lot.state = 'pending' AND lot.held > 0)
  OR lot.points < 1 OR num_nonnulls(lot.expires_at, lot.inactivity_months) > 1
UNION ALL
SELECT format('entry %s: %s points, its lots %s', entry.id, entry.points, coalesce(opened.points, 0))
FROM points_entry entry LEFT JOIN opened ON opened.entry_id = entry.id
WHERE coalesce(opened.points, 0)
  <> CASE WHEN entry.direction = 1 AND entry.kind <> 'reversal' THEN entry.points ELSE 0 END
UNION ALL
SELECT format('lot %s: its entry %s is missing or of another account', lot.id, lot.entry_id)
FROM points_lot lot LEFT JOIN points_entry entry ON entry.id = lot.entry_id
WHERE entry.account_id IS DISTINCT FROM lot.account_id
UNION ALL
SELECT format('consumption %s: its lot %s does not exist', used.id, used.lot_id)
FROM points_consumption used LEFT JOIN points_lot lot ON lot.id = used.lot_id WHERE lot.id IS NULL
LIMIT 5
