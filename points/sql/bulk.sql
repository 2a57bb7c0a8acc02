-- Many journals in a few statements. The service has put them into the temporary tables of
-- points/services/bulk.py: `points_staged` (a line for each entry), `points_shapes` (what many lines have in
-- common), `points_asked` (the accounts to be credited); and, empty, `points_entered` (the accounts as they stand
-- when they are locked) and `points_bulk` (what will be written).

-- Locks the accounts in the order of their keys, opens those that do not exist, and does what is due on them.
CREATE OR REPLACE FUNCTION points_bulk_enter(p_now timestamptz, p_tz text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_due uuid[];
BEGIN
  PERFORM points_open(member_id, currency, p_now)
  FROM (SELECT asked.member_id, asked.currency FROM points_asked asked
    WHERE NOT EXISTS (SELECT 1 FROM points_account account
      WHERE account.member_id = asked.member_id AND account.currency = asked.currency)
    ORDER BY asked.member_id, asked.currency) wanted
  WHERE NOT EXISTS (SELECT 1 FROM members_member member
    WHERE member.id = wanted.member_id AND member.status = 'merged');
  INSERT INTO points_entered
  SELECT asked.account, account.next_due_at <= p_now, account.earn_frozen,
    account.moved_to_id IS NOT NULL OR account.debt > 0, account.id, account.member_id, account.last_seq, account.available,
    account.pending, account.held, account.lifetime_accrued, account.last_activity_at, account.opened_at
  FROM points_asked asked
  JOIN points_account account ON account.member_id = asked.member_id AND account.currency = asked.currency
  ORDER BY account.id FOR UPDATE OF account;
  v_due := ARRAY(SELECT account_id FROM points_entered WHERE due ORDER BY account_id);
  IF v_due <> '{}' THEN
    PERFORM points_settle_all(v_due, p_now, p_tz);
    UPDATE points_entered entered SET
      odd = account.moved_to_id IS NOT NULL OR account.debt > 0, last_seq = account.last_seq,
      available = account.available, pending = account.pending, held = account.held
    FROM points_account account WHERE account.id = entered.account_id AND entered.due;
  END IF;
END $$;

-- Decides for each journal: `new`, to be written here; `known`, every line of it was posted before, as one
-- journal and with the same content; `single`, for points_post. A member of whom one journal is out of the
-- ordinary has all of them posted one by one, so that the order in which they were given is kept.
CREATE OR REPLACE FUNCTION points_bulk_sort(p_now timestamptz, p_tz text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  WITH met AS MATERIALIZED (
    SELECT staged.journal, staged.account, known.journal_id, known.account_id, known.reference, known.source,
      known.kind, (known.account_id, known.direction, known.points, known.system_account)
        IS NOT DISTINCT FROM (entered.account_id, 1::smallint, staged.points, shape.system_account) AS same
    FROM points_staged staged
    JOIN points_shapes shape ON shape.shape = staged.shape
    -- Line by line through the unique index: any other plan reads the whole book.
    CROSS JOIN LATERAL (SELECT * FROM points_entry entry
      WHERE entry.reference = staged.reference AND entry.source = shape.source AND entry.kind = shape.kind
        AND entry.rule = shape.rule OFFSET 0) known
    LEFT JOIN points_entered entered ON entered.account = staged.account
  ), repeated AS (
    SELECT met.journal FROM met
    GROUP BY met.journal
    HAVING bool_and(met.same)
      AND min((met.journal_id, met.account_id)::text) = max((met.journal_id, met.account_id)::text)
      AND min((met.reference, met.source, met.kind)::text) = max((met.reference, met.source, met.kind)::text)
      AND count(*) = (SELECT count(*) FROM points_staged staged WHERE staged.journal = met.journal)
      AND count(*) = (SELECT count(*) FROM points_entry entry
        WHERE entry.reference = min(met.reference) AND entry.source = min(met.source)
          AND entry.kind = min(met.kind) AND entry.journal_id::text = min(met.journal_id::text)
          AND entry.account_id::text = min(met.account_id::text))
  ), odd AS (
    SELECT met.account FROM met WHERE met.journal NOT IN (SELECT journal FROM repeated)
    UNION
    SELECT asked.account FROM points_asked asked LEFT JOIN points_entered entered USING (account)
    WHERE asked.odd OR coalesce(entered.odd, true)
    UNION
    SELECT staged.account FROM points_staged staged
    JOIN points_shapes shape ON shape.shape = staged.shape
    JOIN points_entered entered ON entered.account = staged.account
    WHERE (entered.earn_frozen AND shape.kind = 'accrual') OR shape.expires_at <= p_now
      OR points_inactive_at(coalesce(entered.active_at, least(entered.opened_at, shape.effective_at)),
        shape.inactivity_months, p_tz) <= p_now
  ), single AS (
    SELECT other.account FROM points_asked other WHERE other.member_id IN (
      SELECT asked.member_id FROM points_asked asked JOIN odd USING (account))
  )
  UPDATE points_staged staged
  SET fate = CASE WHEN staged.account IN (SELECT account FROM single) THEN 'single' ELSE 'known' END
  WHERE staged.account IN (SELECT account FROM single) OR staged.journal IN (SELECT journal FROM repeated);
END $$;

-- Writes the new ones as points_post would one after another: entries, lots, accounts, an event for each journal.
CREATE OR REPLACE FUNCTION points_bulk_write(p_now timestamptz, p_tz text, p_event text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_written bigint;
BEGIN
  INSERT INTO points_bulk
  SELECT staged.line, staged.journal, staged.account, staged.shape, staged.journal_id, staged.event_id, staged.id,
    staged.points, staged.reference, staged.waits_ref, staged.explanation, staged.more, entered.account_id,
    entered.member_id, entered.last_seq + row_number() OVER upto,
    entered.available + entered.pending + entered.held + sum(staged.points) OVER upto,
    entered.pending + coalesce(sum(staged.points) FILTER (WHERE shape.pending) OVER upto, 0), entered.held,
    entered.lifetime + coalesce(sum(staged.points) FILTER (WHERE shape.kind = 'accrual') OVER upto, 0),
    greatest(entered.active_at,
      max(least(shape.effective_at, p_now)) FILTER (WHERE shape.kind = 'accrual') OVER upto),
    entered.opened_at
  FROM points_staged staged
  JOIN points_shapes shape ON shape.shape = staged.shape
  JOIN points_entered entered ON entered.account = staged.account
  WHERE staged.fate IS NULL
  WINDOW upto AS (PARTITION BY entered.account_id ORDER BY staged.line ROWS UNBOUNDED PRECEDING)
  ORDER BY entered.account_id, staged.line;
  GET DIAGNOSTICS v_written = ROW_COUNT;

  INSERT INTO points_entry(
    id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
    rule_version, effective_at, recorded_at, balance_after, cost_centre, actor, reason, explanation)
  SELECT line.id, line.journal_id, line.account_id, line.seq, shape.system_account, 1, line.points, shape.kind,
    shape.source, line.reference, shape.rule, shape.rule_version, shape.effective_at, p_now, line.balance,
    shape.cost_centre, shape.actor, shape.reason, line.explanation
  FROM points_bulk line JOIN points_shapes shape ON shape.shape = line.shape;
  INSERT INTO points_lot(
    id, account_id, entry_id, points, remaining, state, earned_at, available_at, waits_for, waits_ref, expires_at,
    original_expires_at, inactivity_months)
  SELECT line.id, line.account_id, line.id, line.points, line.points,
    CASE WHEN shape.pending THEN 'pending' ELSE 'open' END, shape.effective_at, shape.available_at,
    shape.waits_for, line.waits_ref, shape.expires_at, shape.expires_at, shape.inactivity_months
  FROM points_bulk line JOIN points_shapes shape ON shape.shape = line.shape;
  UPDATE points_account account SET
    available = last.balance - last.pending - account.held, pending = last.pending,
    lifetime_accrued = last.lifetime, last_seq = last.seq, last_activity_at = last.active_at,
    next_due_at = least(account.next_due_at, last.due_at), updated_at = p_now
  FROM (
    SELECT line.account_id, max(line.balance) AS balance, max(line.pending) AS pending,
      max(line.lifetime) AS lifetime, max(line.seq) AS seq, max(line.active_at) AS active_at,
      min(least(shape.expires_at, CASE WHEN shape.pending AND shape.waits_for IS NULL THEN shape.available_at END,
        points_inactive_at(coalesce(line.active_at, line.opened_at), shape.inactivity_months, p_tz))) AS due_at
    FROM points_bulk line JOIN points_shapes shape ON shape.shape = line.shape
    GROUP BY line.account_id) last
  WHERE account.id = last.account_id;
  IF p_event <> '' THEN
    INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
    SELECT event_id, p_event, told, member_id, p_now FROM points_bulk_told();
  END IF;
  RETURN v_written;
END $$;

-- What points_post tells of each journal just written, in their order.
DROP FUNCTION IF EXISTS points_bulk_told();
CREATE FUNCTION points_bulk_told(
  OUT journal integer, OUT event_id uuid, OUT member_id uuid, OUT told jsonb
) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT line.journal, any_value(line.event_id), any_value(line.member_id),
    (format('{"member_id": "%s", "journal": "%s", "entries": [', any_value(line.member_id),
        any_value(line.journal_id))
      || string_agg(
        format('{"entry_id": "%s", "points": %s, "balance_after": %s, ', line.id, line.points, line.balance)
        || shape.said, '}, ' ORDER BY line.line)
      || format(
        '}], "account": {"account_id": "%s", "points_currency": %s, "available": %s, "pending": %s, "held": %s, '
        '"debt": 0, "lifetime_accrued": %s}', any_value(line.account_id), to_json(any_value(shape.currency)),
        max(line.balance) - max(line.pending) - max(line.held), max(line.pending), max(line.held),
        max(line.lifetime))
      || coalesce(max(line.more), '') || '}')::jsonb
  FROM points_bulk line JOIN points_shapes shape ON shape.shape = line.shape
  GROUP BY line.journal;
END $$;
