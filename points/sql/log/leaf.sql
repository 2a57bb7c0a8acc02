-- The hash of an entry's leaf: SHA-256(0x00 ‖ canonical JSON of the entry and its salt), as points/receipts.py
-- and points/verify_receipt.py write it. RFC 8785: names sorted, no space, text as ECMAScript escapes it, which is
-- what JSON_SCALAR does (and to_json, which looks up how for each value anew); whole numbers that readers of JSON
-- would round, from 2^53 on, as text. `e` is the entry, `account` its account; `salt` 32 bytes, of which the second
-- half hides the details, where there are any; `opened.lots` and `taken.lots` the JSON of the lots it opened and of
-- the consumptions that are covered.
sha256('\x00'::bytea || convert_to(concat(
  '{"entry":{"account":"', e.account_id,
  '","balance_after":', CASE WHEN abs(e.balance_after) < 9007199254740992 THEN e.balance_after::text
    ELSE '"' || e.balance_after || '"' END,
  ',"cost_centre":', JSON_SCALAR(e.cost_centre),
  ',"currency":', JSON_SCALAR(account.currency),
  ',"details":', CASE
    WHEN e.actor = '' AND e.reason = '' AND e.explanation IS NULL /*without words*/ THEN 'null'
    ELSE concat('"', encode(sha256(convert_to(concat(
      '{"actor":', JSON_SCALAR(e.actor),
      ',"explanation":', coalesce(JSON_SCALAR(e.explanation::text)::text, 'null'),
      ',"reason":', JSON_SCALAR(e.reason),
      ',"salt":"', encode(substr(given.salt, 17, 16), 'hex'), '"}'), 'UTF8')), 'hex'), '"')
  END,
  ',"direction":', e.direction,
  ',"effective_at":"', to_char(e.effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  '","entry":"', e.id,
  '","journal":"', e.journal_id,
  '","kind":', JSON_SCALAR(e.kind),
  ',"opened":[', opened.lots,
  '],"points":', CASE WHEN e.points < 9007199254740992 THEN e.points::text ELSE '"' || e.points || '"' END,
  ',"recorded_at":"', to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  '","reference":', JSON_SCALAR(e.reference),
  ',"reverses":', coalesce('"' || e.reverses_id || '"', 'null'),
  ',"rule":', JSON_SCALAR(e.rule),
  ',"rule_version":', coalesce(e.rule_version::text, 'null'),
  ',"seq":', e.seq,
  ',"source":', JSON_SCALAR(e.source),
  ',"system_account":', JSON_SCALAR(e.system_account),
  ',"taken":[', taken.lots,
  ']},"salt":"', encode(substr(given.salt, 1, 16), 'hex'), '"}'), 'UTF8'))
