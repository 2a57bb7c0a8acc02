-- I7: every debit = what it took from lots + its uncovered debt.
-- Each row is a violation in words.
WITH used AS (SELECT entry_id, sum(points) AS points FROM points_consumption GROUP BY entry_id),
owed AS (
  SELECT entry.account_id, sum(entry.points - coalesce(used.points, 0)) AS points
  FROM points_entry entry LEFT JOIN used ON used.entry_id = entry.id
  WHERE entry.kind = 'clawback' GROUP BY entry.account_id
)
SELECT format('entry %s (%s): %s points, %s from lots', entry.id, entry.kind, entry.points,
    coalesce(used.points, 0))
FROM points_entry entry LEFT JOIN used ON used.entry_id = entry.id
WHERE CASE
  WHEN entry.kind = 'clawback' THEN coalesce(used.points, 0) NOT BETWEEN 0 AND entry.points
  WHEN entry.direction = -1 THEN coalesce(used.points, 0) <> entry.points
  WHEN entry.kind = 'reversal' THEN coalesce(used.points, 0) <> -entry.points
  ELSE coalesce(used.points, 0) <> 0 END
UNION ALL
SELECT format('account %s: debt %s, clawbacks %s', account.id, account.debt, coalesce(owed.points, 0))
FROM points_account account LEFT JOIN owed ON owed.account_id = account.id
WHERE account.debt <> coalesce(owed.points, 0)
UNION ALL
SELECT format('consumption %s: its entry %s does not exist', used.id, used.entry_id)
FROM points_consumption used LEFT JOIN points_entry entry ON entry.id = used.entry_id
WHERE entry.id IS NULL
LIMIT 5
