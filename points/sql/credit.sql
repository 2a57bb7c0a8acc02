-- The commonest journal of all: one credit to an account that exists, owes nothing and has nothing due. Three
-- statements write what `points_post` writes; whatever is out of the ordinary goes there, and so does a
-- reference that is known. Values come with their types: to take them out of JSON costs a tenth of the whole.
-- Every name carries its schema, because a search path of its own costs a twentieth (docs/adr/0014).
CREATE OR REPLACE FUNCTION points_credit(
  p_member uuid, p_journal uuid, p_now timestamptz, p_tz text, p_event text, p_event_id uuid, p_data text,
  p_id uuid, p_kind text, p_points bigint, p_system_account text, p_source text, p_reference text, p_rule text,
  p_rule_version integer, p_currency text, p_effective_at timestamptz, p_available_at timestamptz,
  p_waits_for text, p_waits_ref text, p_expires_at timestamptz, p_inactivity_months smallint,
  p_cost_centre text, p_explanation jsonb, p_reason text, p_actor text
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_account record;
  v_pending boolean := p_waits_for IS NOT NULL OR coalesce(p_available_at > p_now, false);
  v_earned bigint := CASE WHEN p_kind = 'accrual' THEN p_points ELSE 0 END;
  v_result text;
BEGIN
  -- Who waits for the lock is asked the conditions again.
  SELECT id, last_seq + 1 AS seq, available + pending + held - debt + p_points AS balance,
    CASE WHEN v_earned > 0 THEN greatest(last_activity_at, least(p_effective_at, p_now))
      ELSE last_activity_at END AS active_at,
    least(next_due_at, p_expires_at,
      CASE WHEN v_pending AND p_waits_for IS NULL THEN p_available_at END,
      @schema@.points_inactive_at(
        coalesce(CASE WHEN v_earned > 0 THEN greatest(last_activity_at, least(p_effective_at, p_now))
          ELSE last_activity_at END, opened_at), p_inactivity_months, p_tz)) AS due_at
  INTO v_account FROM @schema@.points_account
  WHERE member_id = p_member AND currency = p_currency AND debt = 0 AND moved_to_id IS NULL
    AND (next_due_at > p_now OR next_due_at IS NULL) AND NOT (earn_frozen AND v_earned > 0)
    AND p_points BETWEEN 1 AND 1000000000000
  FOR UPDATE;
  IF FOUND AND coalesce(v_account.due_at > p_now, true) THEN
    INSERT INTO @schema@.points_entry(
      id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
      rule_version, effective_at, recorded_at, balance_after, cost_centre, actor, reason, explanation)
    VALUES (
      p_id, p_journal, v_account.id, v_account.seq, p_system_account, 1, p_points, p_kind, p_source, p_reference,
      p_rule, p_rule_version, p_effective_at, p_now, v_account.balance, p_cost_centre, p_actor, p_reason,
      p_explanation)
    ON CONFLICT (reference, source, kind, rule) DO NOTHING;
    IF FOUND THEN
      WITH opened AS (
        INSERT INTO @schema@.points_lot(
          id, account_id, entry_id, points, remaining, state, earned_at, available_at, waits_for, waits_ref,
          expires_at, original_expires_at, inactivity_months)
        VALUES (
          p_id, v_account.id, p_id, p_points, p_points, CASE WHEN v_pending THEN 'pending' ELSE 'open' END,
          p_effective_at, p_available_at, p_waits_for, p_waits_ref, p_expires_at, p_expires_at,
          p_inactivity_months)
      ), stored AS (
        UPDATE @schema@.points_account SET
          available = available + CASE WHEN v_pending THEN 0 ELSE p_points END,
          pending = pending + CASE WHEN v_pending THEN p_points ELSE 0 END,
          lifetime_accrued = lifetime_accrued + v_earned, last_seq = v_account.seq,
          last_activity_at = v_account.active_at, next_due_at = v_account.due_at, updated_at = p_now
        WHERE id = v_account.id
        RETURNING format(
          '{"member_id": "%s", "journal": "%s", "entries": [{"entry_id": "%s", "kind": %s, "points": %s, '
          '"points_currency": %s, "rule": %s, "version": %s, "balance_after": %s, "available_at": %s, '
          '"expires_at": %s, "pending": %s, "debt_repaid": 0}], "account": {"account_id": "%s", '
          '"points_currency": %s, "available": %s, "pending": %s, "held": %s, "debt": %s, "lifetime_accrued": %s}',
          p_member, p_journal, p_id, to_json(p_kind), p_points, to_json(p_currency), to_json(p_rule),
          coalesce(p_rule_version::text, 'null'), v_account.balance, coalesce(to_json(p_available_at)::text, 'null'),
          coalesce(to_json(p_expires_at)::text, 'null'), to_json(v_pending), id,
          to_json(p_currency), available, pending, held, debt, lifetime_accrued) AS told
      ), event AS (
        INSERT INTO @schema@.outbox_event(id, type, payload, member_id, occurred_at)
        SELECT p_event_id, p_event, (told || p_data || '}')::jsonb, p_member, p_now FROM stored WHERE p_event <> ''
      )
      SELECT told || '}' INTO v_result FROM stored;
      RETURN v_result;
    END IF;
  END IF;
  RETURN @schema@.points_post(
    p_member, p_journal, jsonb_build_array(jsonb_build_object(
      'id', p_id, 'kind', p_kind, 'points', p_points, 'system_account', p_system_account, 'source', p_source,
      'reference', p_reference, 'rule', p_rule, 'rule_version', p_rule_version, 'currency', p_currency,
      'effective_at', p_effective_at, 'available_at', p_available_at, 'waits_for', p_waits_for,
      'waits_ref', p_waits_ref, 'expires_at', p_expires_at, 'inactivity_months', p_inactivity_months,
      'cost_centre', p_cost_centre, 'explanation', p_explanation, 'reason', p_reason, 'actor', p_actor)),
    p_now, p_tz, p_event, p_data)::text;
END $$;
