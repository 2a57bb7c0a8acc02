-- Gives the entries of a batch their leaves, from number %(size)s on, those that have one left out. One row: how
-- many entries were looked at, the hashes of the new leaves in their order, and the last entry of the batch.
-- The salts follow from %(seed)s, which nobody keeps. OFFSET 0 keeps the look-ups by entry what they are, so that
-- no plan reads a whole table.
WITH batch AS MATERIALIZED (
  /*batch*/
), given AS MATERIALIZED (
  SELECT
    batch.id, %(size)s + row_number() OVER (ORDER BY batch.xid, batch.id) - 1 AS index,
    sha256(%(seed)s::bytea || uuid_send(batch.id)) AS salt
  FROM batch
  WHERE (SELECT leaf.index FROM points_logleaf leaf WHERE leaf.entry_id = batch.id) IS NULL
), opened AS MATERIALIZED (
  SELECT batch.id AS entry_id, string_agg(/*lot*/, ',' ORDER BY lot.id) AS lots
  FROM batch CROSS JOIN LATERAL (
    SELECT * FROM points_lot own WHERE own.id = batch.id AND own.entry_id = batch.id
    UNION ALL
    SELECT * FROM points_lot other WHERE other.entry_id = batch.id AND other.entry_id <> other.id
    OFFSET 0) lot
  GROUP BY batch.id
), taken AS MATERIALIZED (
  SELECT batch.id AS entry_id, count(*) AS takes,
    string_agg(concat('{"lot":"', used.lot_id, '","points":', used.points, '}'), ',' ORDER BY used.id) AS lots
  FROM batch CROSS JOIN LATERAL (
    SELECT one.* FROM points_consumption one WHERE one.entry_id = batch.id OFFSET 0) used
  GROUP BY batch.id
), written AS (
  INSERT INTO points_logleaf(index, entry_id, salt, takes, hash)
  SELECT given.index, given.id, given.salt, coalesce(taken.takes, 0), /*leaf*/
  FROM batch e JOIN given ON given.id = e.id
  LEFT JOIN LATERAL (
    SELECT one.currency FROM points_account one WHERE one.id = e.account_id OFFSET 0) account ON true
  LEFT JOIN opened ON opened.entry_id = e.id
  LEFT JOIN taken ON taken.entry_id = e.id
  ORDER BY given.index
  RETURNING index, hash
)
SELECT
  (SELECT count(*) FROM batch),
  coalesce((SELECT string_agg(hash, ''::bytea ORDER BY index) FROM written), ''::bytea),
  last.xid::text, last.id
-- By itself, or each row that is sorted would carry all the hashes.
FROM (SELECT batch.xid, batch.id FROM batch ORDER BY batch.xid DESC, batch.id DESC LIMIT 1) last
