-- Gives the entries of a batch their leaves, from number %(size)s on, those that have one left out. One row: how
-- many entries were looked at, the hashes of the new leaves in their order, and the last entry of the batch.
-- The salts follow from %(seed)s, which nobody keeps.
WITH batch AS MATERIALIZED (
  /*batch*/
), given AS MATERIALIZED (
  SELECT
    batch.id, %(size)s + row_number() OVER (ORDER BY batch.xid, batch.id) - 1 AS index,
    sha256(%(seed)s::bytea || uuid_send(batch.id)) AS salt,
    (SELECT count(*) FROM points_consumption used WHERE used.entry_id = batch.id) AS takes
  FROM batch
  WHERE (SELECT leaf.index FROM points_logleaf leaf WHERE leaf.entry_id = batch.id) IS NULL
), written AS (
  INSERT INTO points_logleaf(index, entry_id, salt, takes, hash)
  SELECT given.index, given.id, given.salt, given.takes, /*leaf*/
  FROM batch e JOIN given ON given.id = e.id
  ORDER BY given.index
  RETURNING index, hash
)
SELECT
  (SELECT count(*) FROM batch),
  coalesce((SELECT string_agg(hash, ''::bytea ORDER BY index) FROM written), ''::bytea),
  last.xid::text, last.id
-- By itself, or each row that is sorted would carry all the hashes.
FROM (SELECT batch.xid, batch.id FROM batch ORDER BY batch.xid DESC, batch.id DESC LIMIT 1) last
