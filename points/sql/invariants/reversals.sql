-- I6: the reversals of an entry never exceed it.
-- Each row is a violation in words.
SELECT format('entry %s: %s points, %s reversed', undone.reverses_id, coalesce(origin.points, 0),
    undone.points)
FROM (
  SELECT reverses_id, account_id, direction, sum(points) AS points FROM points_entry
  WHERE reverses_id IS NOT NULL GROUP BY reverses_id, account_id, direction
) undone LEFT JOIN points_entry origin ON origin.id = undone.reverses_id
WHERE origin.id IS NULL OR undone.points > origin.points OR origin.account_id <> undone.account_id
  OR origin.direction = undone.direction
LIMIT 5
