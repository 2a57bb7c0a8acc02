-- The commonest journal of all: one accrual to an account that exists, owes nothing, has nothing due and may earn.
-- Four statements write what `points_post` writes. Null: nothing was written, because the reference is known or
-- something is out of the ordinary; then `points_post` is to be asked. Else the account as it is now:
-- id, available, pending, held and lifetime accrued, with blanks between them.
-- What costs here is not rows but expressions: each function in one is looked up and checked anew in every
-- transaction. So the caller brings what it knows (docs/adr/0014), and the event's content as a text with %1$s to
-- %9$s for balance after, account, available, pending, held, lifetime accrued, member, journal and entry. Every name carries its schema, because a
-- search path of its own costs a twentieth. RETURNING knows `old` from Postgres 18 on.
CREATE OR REPLACE FUNCTION points_credit(
  p_member uuid, p_journal uuid, p_id uuid, p_now timestamptz, p_points bigint, p_system_account text,
  p_source text, p_reference text, p_rule text, p_rule_version integer, p_currency text,
  p_effective_at timestamptz, p_available_at timestamptz, p_pending boolean, p_expires_at timestamptz,
  p_due_at timestamptz, p_cost_centre text, p_explanation jsonb, p_event text, p_content text
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_account uuid;
  v_seq bigint;
  v_balance bigint;
  v_result text;
  v_content text;
  v_before_activity_at timestamptz;
  v_before_due_at timestamptz;
  v_before_updated_at timestamptz;
BEGIN
  -- Locks and writes at once. Who waits for the row is asked the conditions again, and counts from what is
  -- there then.
  UPDATE @schema@.points_account SET
    available = available + CASE WHEN p_pending THEN 0 ELSE p_points END,
    pending = pending + CASE WHEN p_pending THEN p_points ELSE 0 END,
    lifetime_accrued = lifetime_accrued + p_points, last_seq = last_seq + 1,
    last_activity_at = greatest(last_activity_at, least(p_effective_at, p_now)),
    next_due_at = least(next_due_at, p_due_at), updated_at = p_now
  WHERE member_id = p_member AND currency = p_currency AND debt = 0 AND moved_to_id IS NULL
    AND NOT earn_frozen AND (next_due_at > p_now OR next_due_at IS NULL)
  RETURNING id, last_seq, available + pending + held,
    concat_ws(' ', id, available, pending, held, lifetime_accrued),
    format(p_content, available + pending + held, id, available, pending, held, lifetime_accrued,
      p_member, p_journal, p_id),
    old.last_activity_at, old.next_due_at, old.updated_at
  INTO v_account, v_seq, v_balance, v_result, v_content,
    v_before_activity_at, v_before_due_at, v_before_updated_at;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO @schema@.points_entry(
    id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
    rule_version, effective_at, recorded_at, balance_after, cost_centre, explanation)
  VALUES (
    p_id, p_journal, v_account, v_seq, p_system_account, 1, p_points, 'accrual', p_source, p_reference, p_rule,
    p_rule_version, p_effective_at, p_now, v_balance, p_cost_centre, p_explanation)
  ON CONFLICT (reference, source, kind, rule) DO NOTHING;
  IF NOT FOUND THEN
    -- The reference is known: the account as it was.
    UPDATE @schema@.points_account SET
      available = available - CASE WHEN p_pending THEN 0 ELSE p_points END,
      pending = pending - CASE WHEN p_pending THEN p_points ELSE 0 END,
      lifetime_accrued = lifetime_accrued - p_points, last_seq = last_seq - 1,
      last_activity_at = v_before_activity_at, next_due_at = v_before_due_at, updated_at = v_before_updated_at
    WHERE id = v_account;
    RETURN NULL;
  END IF;
  INSERT INTO @schema@.points_lot(
    id, account_id, entry_id, points, remaining, state, earned_at, available_at, expires_at, original_expires_at)
  VALUES (
    p_id, v_account, p_id, p_points, p_points, CASE WHEN p_pending THEN 'pending' ELSE 'open' END,
    p_effective_at, p_available_at, p_expires_at, p_expires_at);
  IF p_event IS NOT NULL THEN
    INSERT INTO @schema@.outbox_event(id, type, payload, member_id, occurred_at)
    VALUES (p_id, p_event, v_content::jsonb, p_member, p_now);
  END IF;
  RETURN v_result;
END $$;
