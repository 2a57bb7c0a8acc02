-- The hash of an entry's leaf: SHA-256(0x00 ‖ canonical JSON of the entry and its salt), as points/receipts.py
-- and points/verify_receipt.py write it. RFC 8785: names sorted, no space, text as ECMAScript escapes it, which is
-- what to_json does. `e` is the entry; `salt` 32 bytes, of which the second half hides the details; `takes` how
-- many of its consumptions are covered. The subqueries stay correlated so that no plan reads a whole table.
sha256('\x00'::bytea || convert_to(concat(
  '{"entry":{"account":"', e.account_id,
  '","balance_after":', e.balance_after,
  ',"cost_centre":', to_json(e.cost_centre),
  ',"currency":', to_json((SELECT account.currency FROM points_account account WHERE account.id = e.account_id)),
  ',"details":"', encode(sha256(convert_to(concat(
    '{"actor":', to_json(e.actor),
    ',"explanation":', coalesce(to_json(e.explanation::text)::text, 'null'),
    ',"reason":', to_json(e.reason),
    ',"salt":"', encode(substr(given.salt, 17, 16), 'hex'), '"}'), 'UTF8')), 'hex'),
  '","direction":', e.direction,
  ',"effective_at":"', to_char(e.effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  '","entry":"', e.id,
  '","journal":"', e.journal_id,
  '","kind":', to_json(e.kind),
  ',"opened":[', (
    SELECT string_agg(concat(
      '{"earned_at":"', to_char(lot.earned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      '","expires_at":', coalesce('"' || to_char(
        lot.original_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"', 'null'),
      ',"from":', coalesce('"' || lot.from_lot_id || '"', 'null'),
      ',"lot":"', lot.id,
      '","points":', lot.points, '}'), ',' ORDER BY lot.id)
    FROM (
      SELECT * FROM points_lot own WHERE own.id = e.id AND own.entry_id = e.id
      UNION ALL
      SELECT * FROM points_lot other WHERE other.entry_id = e.id AND other.entry_id <> other.id) lot),
  '],"points":', e.points,
  ',"recorded_at":"', to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  '","reference":', to_json(e.reference),
  ',"reverses":', coalesce('"' || e.reverses_id || '"', 'null'),
  ',"rule":', to_json(e.rule),
  ',"rule_version":', coalesce(e.rule_version::text, 'null'),
  ',"seq":', e.seq,
  ',"source":', to_json(e.source),
  ',"system_account":', to_json(e.system_account),
  ',"taken":[', (
    SELECT string_agg(concat('{"lot":"', used.lot_id, '","points":', used.points, '}'), ',' ORDER BY used.id)
    FROM (
      SELECT one.id, one.lot_id, one.points FROM points_consumption one
      WHERE one.entry_id = e.id ORDER BY one.id LIMIT given.takes) used),
  ']},"salt":"', encode(substr(given.salt, 1, 16), 'hex'), '"}'), 'UTF8'))
