-- Leaves of the entries from %(first)s to %(last)s that are gone or not what was sealed, in words.
-- By ranges of entries, not of leaves: so all four tables are read in the order of an index, side by side. Leaf by
-- leaf: a planner that takes a stretch for one row would read all its rows for each leaf.
SELECT CASE
    WHEN e.id IS NULL THEN format('leaf %%s: entry %%s is gone', given.index, given.entry_id)
    ELSE format('leaf %%s: entry %%s is not what was sealed', given.index, given.entry_id)
  END
FROM points_logleaf given
LEFT JOIN LATERAL (SELECT one.* FROM points_entry one WHERE one.id = given.entry_id OFFSET 0) e ON true
LEFT JOIN LATERAL (
  SELECT one.currency FROM points_account one WHERE one.id = e.account_id OFFSET 0) account ON true
CROSS JOIN LATERAL (
  SELECT string_agg(/*lot*/, ',' ORDER BY lot.id) AS lots
  FROM (
    SELECT * FROM points_lot own WHERE own.id = given.entry_id AND own.entry_id = own.id
    UNION ALL
    SELECT * FROM points_lot other WHERE other.entry_id = given.entry_id AND other.entry_id <> other.id
  ) lot
) opened
CROSS JOIN LATERAL (
  SELECT string_agg(concat('{"lot":"', used.lot_id, '","points":', used.points, '}'), ',' ORDER BY used.id) AS lots
  FROM (
    -- The leaf's own first: to read all in their order until there are enough looks cheap, too.
    SELECT own.id, own.lot_id, own.points
    FROM (SELECT one.* FROM points_consumption one WHERE one.entry_id = given.entry_id OFFSET 0) own
    ORDER BY own.id LIMIT given.takes
  ) used
) taken
WHERE given.entry_id BETWEEN %(first)s AND %(last)s
  AND (
    e.id IS NULL
    OR given.hash IS DISTINCT FROM /*leaf*/
      -- Nor is it what leaves said at first.
      AND given.hash IS DISTINCT FROM /*first leaf*/)
LIMIT %(limit)s
