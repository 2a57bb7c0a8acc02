-- I6: the reversals of an entry never exceed it.
-- Each row is a violation in words, of the reversed entries from %(first)s to %(last)s. A member who was merged has
-- their later reversals where their points are.
SELECT format('entry %%s: %%s points, %%s reversed', undone.reverses_id, coalesce(origin.points, 0),
    undone.points)
FROM (
  SELECT entry.reverses_id, entry.direction, coalesce(account.moved_to_id, account.id) AS home,
    sum(entry.points) AS points
  FROM points_entry entry JOIN points_account account ON account.id = entry.account_id
  WHERE entry.reverses_id BETWEEN %(first)s AND %(last)s GROUP BY 1, 2, 3
) undone LEFT JOIN points_entry origin ON origin.id = undone.reverses_id
LEFT JOIN points_account owner ON owner.id = origin.account_id
WHERE origin.id IS NULL OR undone.points > origin.points
  OR coalesce(owner.moved_to_id, owner.id) IS DISTINCT FROM undone.home OR origin.direction = undone.direction
LIMIT %(limit)s
