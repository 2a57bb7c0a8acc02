-- Many journals in a few statements. The service has put them, line by line, into the temporary tables of
-- points/services/bulk.py: `points_staged` (what is asked) and, empty, `points_bulk` (what will be written).

-- Locks the accounts that the staged lines credit in the order of their keys, opens those that do not exist,
-- and does what is due on them.
CREATE OR REPLACE FUNCTION points_bulk_enter(p_now timestamptz, p_tz text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_due uuid[];
BEGIN
  INSERT INTO points_account(id, member_id, currency, opened_at, updated_at)
  SELECT points_uuid7(), member_id, currency, p_now, p_now
  FROM (SELECT DISTINCT member_id, currency FROM points_staged ORDER BY member_id, currency) wanted
  WHERE NOT EXISTS (SELECT 1 FROM points_account account
    WHERE account.member_id = wanted.member_id AND account.currency = wanted.currency)
    AND NOT EXISTS (SELECT 1 FROM members_member member
      WHERE member.id = wanted.member_id AND member.status = 'merged')
  ON CONFLICT (member_id, currency) DO NOTHING;
  SELECT array_agg(id ORDER BY id) FILTER (WHERE next_due_at <= p_now) INTO v_due FROM (
    SELECT account.id, account.next_due_at FROM points_account account
    WHERE (account.member_id, account.currency) IN (SELECT member_id, currency FROM points_staged)
    ORDER BY account.id FOR UPDATE OF account) locked;
  IF v_due IS NOT NULL THEN
    PERFORM points_settle_all(v_due, p_now, p_tz);
  END IF;
END $$;

-- Decides for each journal: `new`, to be written here; `known`, every line of it was posted before, as one
-- journal and with the same content; `single`, for points_post. A member of whom one journal is out of the
-- ordinary has all of them posted one by one, so that the order in which they were given is kept.
CREATE OR REPLACE FUNCTION points_bulk_sort(p_now timestamptz, p_tz text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  WITH met AS MATERIALIZED (
    SELECT staged.journal, staged.member_id, known.journal_id, known.account_id, known.reference, known.source,
      known.kind, (known.account_id, known.direction, known.points, known.system_account)
        IS NOT DISTINCT FROM (account.id, 1::smallint, staged.points, staged.system_account) AS same
    FROM points_staged staged
    JOIN points_entry known ON known.reference = staged.reference AND known.source = staged.source
      AND known.kind = staged.kind AND known.rule = staged.rule
    LEFT JOIN points_account account ON account.member_id = staged.member_id AND account.currency = staged.currency
  ), twice AS MATERIALIZED (
    SELECT reference, source, kind, rule FROM points_staged
    GROUP BY reference, source, kind, rule HAVING count(*) > 1
  ), repeated AS (
    SELECT met.journal, met.member_id FROM met
    GROUP BY met.journal, met.member_id
    HAVING bool_and(met.same)
      AND min((met.journal_id, met.account_id)::text) = max((met.journal_id, met.account_id)::text)
      AND min((met.reference, met.source, met.kind)::text) = max((met.reference, met.source, met.kind)::text)
      AND count(*) = (SELECT count(*) FROM points_staged staged WHERE staged.journal = met.journal)
      AND count(*) = (SELECT count(*) FROM points_entry entry
        WHERE entry.reference = min(met.reference) AND entry.source = min(met.source)
          AND entry.kind = min(met.kind) AND entry.journal_id::text = min(met.journal_id::text)
          AND entry.account_id::text = min(met.account_id::text))
  ), odd AS (
    SELECT met.member_id FROM met WHERE met.journal NOT IN (SELECT journal FROM repeated)
    UNION
    SELECT staged.member_id FROM points_staged staged
    JOIN twice ON (twice.reference, twice.source, twice.kind, twice.rule)
      = (staged.reference, staged.source, staged.kind, staged.rule)
    UNION
    SELECT staged.member_id FROM points_staged staged
    GROUP BY staged.member_id, staged.journal HAVING min(staged.currency) <> max(staged.currency)
    UNION
    SELECT staged.member_id FROM points_staged staged
    LEFT JOIN points_account account
      ON account.member_id = staged.member_id AND account.currency = staged.currency
    WHERE account.id IS NULL OR account.moved_to_id IS NOT NULL OR account.debt > 0
      OR (account.earn_frozen AND staged.kind = 'accrual') OR staged.expires_at <= p_now
      OR points_inactive_at(coalesce(account.last_activity_at, least(account.opened_at, staged.effective_at)),
        staged.inactivity_months, p_tz) <= p_now
  )
  UPDATE points_staged staged
  SET fate = CASE WHEN staged.member_id IN (SELECT member_id FROM odd) THEN 'single' ELSE 'known' END
  WHERE staged.member_id IN (SELECT member_id FROM odd) OR staged.journal IN (SELECT journal FROM repeated);
END $$;

-- Writes the new ones as points_post would one after another: entries, lots, accounts, an event for each journal.
CREATE OR REPLACE FUNCTION points_bulk_write(p_now timestamptz, p_tz text, p_event text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_written bigint;
BEGIN
  INSERT INTO points_bulk
  SELECT staged.*, account.id,
    staged.waits_for IS NOT NULL OR coalesce(staged.available_at > p_now, false),
    account.last_seq + row_number() OVER upto,
    account.available + sum(CASE WHEN staged.waits_for IS NOT NULL OR staged.available_at > p_now THEN 0
      ELSE staged.points END) OVER upto,
    account.pending + sum(CASE WHEN staged.waits_for IS NOT NULL OR staged.available_at > p_now
      THEN staged.points ELSE 0 END) OVER upto,
    account.held,
    account.lifetime_accrued + sum(CASE WHEN staged.kind = 'accrual' THEN staged.points ELSE 0 END) OVER upto,
    greatest(account.last_activity_at,
      max(CASE WHEN staged.kind = 'accrual' THEN least(staged.effective_at, p_now) END) OVER upto),
    account.opened_at
  FROM points_staged staged
  JOIN points_account account ON account.member_id = staged.member_id AND account.currency = staged.currency
  WHERE staged.fate IS NULL
  WINDOW upto AS (PARTITION BY account.id ORDER BY staged.line ROWS UNBOUNDED PRECEDING)
  ORDER BY account.id, staged.line;
  GET DIAGNOSTICS v_written = ROW_COUNT;

  INSERT INTO points_entry(
    id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
    rule_version, effective_at, recorded_at, balance_after, cost_centre, actor, reason, explanation)
  SELECT id, journal_id, account_id, seq, system_account, 1, points, kind, source, reference, rule, rule_version,
    effective_at, p_now, available + pending + held, cost_centre, actor, reason, explanation
  FROM points_bulk;
  INSERT INTO points_lot(
    id, account_id, entry_id, points, remaining, state, earned_at, available_at, waits_for, waits_ref, expires_at,
    original_expires_at, inactivity_months)
  SELECT id, account_id, id, points, points, CASE WHEN waits THEN 'pending' ELSE 'open' END, effective_at,
    available_at, waits_for, waits_ref, expires_at, expires_at, inactivity_months
  FROM points_bulk;
  UPDATE points_account account SET
    available = last.available, pending = last.pending, lifetime_accrued = last.lifetime, last_seq = last.seq,
    last_activity_at = last.active_at, next_due_at = least(account.next_due_at, last.due_at), updated_at = p_now
  FROM (
    SELECT account_id, max(available) AS available, max(pending) AS pending, max(lifetime) AS lifetime,
      max(seq) AS seq, max(active_at) AS active_at,
      min(least(expires_at, CASE WHEN waits AND waits_for IS NULL THEN available_at END,
        points_inactive_at(coalesce(active_at, opened_at), inactivity_months, p_tz))) AS due_at
    FROM points_bulk GROUP BY account_id) last
  WHERE account.id = last.account_id;
  IF p_event <> '' THEN
    INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
    SELECT event_id, p_event, told, member_id, p_now FROM points_bulk_told() ORDER BY line;
  END IF;
  RETURN v_written;
END $$;

-- What points_post tells of each journal just written.
CREATE OR REPLACE FUNCTION points_bulk_told(
  OUT journal integer, OUT line integer, OUT event_id uuid, OUT member_id uuid, OUT told jsonb
) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT line.journal, min(line.line), line.event_id, line.member_id,
    (format('{"member_id": "%s", "journal": "%s", "entries": [', line.member_id, line.journal_id)
      || string_agg('{"entry_id": "' || line.id || '", "balance_after": ' || line.available + line.pending + line.held
        || ', ' || line.said || '}', ',' ORDER BY line.line)
      || format(
        '], "account": {"account_id": "%s", "points_currency": %s, "available": %s, "pending": %s, "held": %s, '
        '"debt": 0, "lifetime_accrued": %s}', line.account_id, to_json(line.currency), max(line.available),
        max(line.pending), line.held, max(line.lifetime))
      || coalesce(max(line.more), '') || '}')::jsonb
  FROM points_bulk line
  GROUP BY line.journal, line.event_id, line.member_id, line.journal_id, line.account_id, line.currency, line.held;
END $$;
