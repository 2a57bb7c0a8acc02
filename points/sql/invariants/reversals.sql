-- I6: the reversals of an entry never exceed it.
-- Each row is a violation in words, of the reversed entries from %(first)s to %(last)s. A member who was merged has
-- their later reversals where their points are.
SELECT format('entry %%s: %%s points, %%s reversed', undone.reverses_id, coalesce(origin.points, 0),
    undone.points)
FROM (
  SELECT entry.reverses_id, entry.direction, coalesce(account.moved_to_id, account.id) AS home,
    sum(entry.points) AS points
  FROM points_entry entry CROSS JOIN LATERAL (
    SELECT one.id, one.moved_to_id FROM points_account one WHERE one.id = entry.account_id OFFSET 0) account
  WHERE entry.reverses_id BETWEEN %(first)s AND %(last)s GROUP BY 1, 2, 3
) undone LEFT JOIN LATERAL (
  SELECT one.id, one.account_id, one.points, one.direction
  FROM points_entry one WHERE one.id = undone.reverses_id OFFSET 0) origin ON true
LEFT JOIN LATERAL (
  SELECT one.id, one.moved_to_id FROM points_account one WHERE one.id = origin.account_id OFFSET 0) owner ON true
WHERE origin.id IS NULL OR undone.points > origin.points
  OR coalesce(owner.moved_to_id, owner.id) IS DISTINCT FROM undone.home OR origin.direction = undone.direction
LIMIT %(limit)s
