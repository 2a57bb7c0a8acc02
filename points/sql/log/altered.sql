-- Leaves of the entries from %(first)s to %(last)s that are gone or not what was sealed, in words.
-- By ranges of entries, not of leaves: so all four tables are read in the order of an index, side by side.
WITH given AS NOT MATERIALIZED (
  SELECT * FROM points_logleaf WHERE entry_id BETWEEN %(first)s AND %(last)s
), entry AS (
  SELECT * FROM points_entry WHERE id BETWEEN %(first)s AND %(last)s
), opened AS (
  SELECT lot.entry_id, string_agg(/*lot*/, ',' ORDER BY lot.id) AS lots
  FROM (
    SELECT * FROM points_lot own WHERE own.id BETWEEN %(first)s AND %(last)s AND own.entry_id = own.id
    UNION ALL
    SELECT * FROM points_lot other WHERE other.entry_id BETWEEN %(first)s AND %(last)s AND other.entry_id <> other.id
  ) lot GROUP BY lot.entry_id
), taken AS (
  SELECT used.entry_id,
    string_agg(concat('{"lot":"', used.lot_id, '","points":', used.points, '}'), ',' ORDER BY used.id) AS lots
  FROM (
    SELECT one.entry_id, one.id, one.lot_id, one.points,
      row_number() OVER (PARTITION BY one.entry_id ORDER BY one.id) AS place
    FROM points_consumption one WHERE one.entry_id BETWEEN %(first)s AND %(last)s
  ) used JOIN given ON given.entry_id = used.entry_id AND used.place <= given.takes
  GROUP BY used.entry_id
)
SELECT CASE
    WHEN e.id IS NULL THEN format('leaf %%s: entry %%s is gone', given.index, given.entry_id)
    ELSE format('leaf %%s: entry %%s is not what was sealed', given.index, given.entry_id)
  END
FROM given
LEFT JOIN entry e ON e.id = given.entry_id
LEFT JOIN points_account account ON account.id = e.account_id
LEFT JOIN opened ON opened.entry_id = given.entry_id
LEFT JOIN taken ON taken.entry_id = given.entry_id
WHERE e.id IS NULL OR given.hash IS DISTINCT FROM /*leaf*/
LIMIT %(limit)s
