-- Gives the entries of a batch their leaves, from number %(size)s on, those that have one left out. One row: how
-- many entries were looked at, the hashes of the new leaves in their order, and the last entry of the batch.
-- The salts follow from %(seed)s, which nobody keeps. What belongs to the entries is looked up by arrays of keys:
-- an index gives the rows of a whole array in one walk from page to page, where a look-up for each entry would
-- begin at the root each time; and no plan reads a whole table.
WITH batch AS MATERIALIZED (
  /*batch*/
), keys AS MATERIALIZED (
  -- In order, or each walk would sort them. Which currency an account has is a question only where there are
  -- others than `points` (by the index points_account_other).
  SELECT count(*) AS read, array_agg(id ORDER BY id) AS entries,
    CASE WHEN EXISTS (SELECT FROM points_account WHERE currency <> 'points') THEN array_agg(account_id) END AS accounts
  FROM batch
), given AS MATERIALIZED (
  SELECT
    batch.id, %(size)s + row_number() OVER (ORDER BY batch.xid, batch.id) - 1 AS index,
    sha256(%(seed)s::bytea || uuid_send(batch.id)) AS salt
  FROM batch
  LEFT JOIN points_logleaf leaf ON leaf.entry_id = batch.id AND leaf.entry_id = ANY ((SELECT entries FROM keys)::uuid[])
  WHERE leaf.index IS NULL
), opened AS MATERIALIZED (
  SELECT lot.entry_id, string_agg(/*lot*/, ',' ORDER BY lot.id) AS lots
  FROM (
    SELECT * FROM points_lot own
    WHERE own.id = ANY ((SELECT entries FROM keys)::uuid[]) AND own.entry_id = own.id
    UNION ALL
    SELECT * FROM points_lot other
    WHERE other.entry_id = ANY ((SELECT entries FROM keys)::uuid[]) AND other.entry_id <> other.id
  ) lot
  GROUP BY lot.entry_id
), taken AS MATERIALIZED (
  SELECT used.entry_id, count(*) AS takes,
    string_agg(concat('{"lot":"', used.lot_id, '","points":', used.points, '}'), ',' ORDER BY used.id) AS lots
  FROM points_consumption used
  WHERE used.entry_id = ANY ((SELECT entries FROM keys)::uuid[])
  GROUP BY used.entry_id
), other AS MATERIALIZED (
  SELECT one.id, one.currency FROM points_account one
  WHERE one.currency <> 'points' AND one.id = ANY ((SELECT accounts FROM keys)::uuid[])
), written AS (
  INSERT INTO points_logleaf(index, entry_id, salt, takes, hash)
  SELECT given.index, given.id, given.salt, coalesce(taken.takes, 0), /*leaf*/
  FROM batch e JOIN given ON given.id = e.id
  LEFT JOIN other ON other.id = e.account_id
  CROSS JOIN LATERAL (SELECT coalesce(other.currency, 'points') AS currency) account
  LEFT JOIN opened ON opened.entry_id = e.id
  LEFT JOIN taken ON taken.entry_id = e.id
  ORDER BY given.index
  RETURNING index, hash
)
SELECT
  (SELECT read FROM keys),
  coalesce((SELECT string_agg(hash, ''::bytea ORDER BY index) FROM written), ''::bytea),
  last.xid::text, last.id
-- By itself, or each row that is sorted would carry all the hashes.
FROM (SELECT batch.xid, batch.id FROM batch ORDER BY batch.xid DESC, batch.id DESC LIMIT 1) last
