-- The commonest journal of all: one credit to an account that exists, owes nothing and has nothing due. Four
-- statements write what `points_post` writes; whatever is out of the ordinary goes there, and so does a
-- reference that is known. Values come with their types: to take them out of JSON costs a tenth of the whole.
-- Every name carries its schema, because a search path of its own costs a twentieth (docs/adr/0014).
-- RETURNING knows `old` from Postgres 18 on; an older server posts everything by `points_post`.
CREATE OR REPLACE FUNCTION points_credit(
  p_member uuid, p_journal uuid, p_now timestamptz, p_tz text, p_event text, p_event_id uuid, p_data text,
  p_id uuid, p_kind text, p_points bigint, p_system_account text, p_source text, p_reference text, p_rule text,
  p_rule_version integer, p_currency text, p_effective_at timestamptz, p_available_at timestamptz,
  p_waits_for text, p_waits_ref text, p_expires_at timestamptz, p_inactivity_months smallint,
  p_cost_centre text, p_explanation jsonb, p_reason text, p_actor text
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_pending boolean := p_waits_for IS NOT NULL OR coalesce(p_available_at > p_now, false);
  v_earned bigint := CASE WHEN p_kind = 'accrual' THEN p_points ELSE 0 END;
  v_acted_at timestamptz := CASE WHEN p_kind = 'accrual' THEN least(p_effective_at, p_now) END;
  v_due_at timestamptz := CASE WHEN v_pending AND p_waits_for IS NULL THEN least(p_expires_at, p_available_at)
    ELSE p_expires_at END;
  v_account uuid;
  v_seq bigint;
  v_available bigint;
  v_waiting bigint;
  v_held bigint;
  v_lifetime bigint;
  v_before_activity_at timestamptz;
  v_before_due_at timestamptz;
  v_before_updated_at timestamptz;
  v_result text;
BEGIN
  IF p_points BETWEEN 1 AND 1000000000000 AND coalesce(v_due_at > p_now, true)
      AND current_setting('server_version_num')::integer >= 180000 THEN
    -- Locks and writes at once. Who waits for the row is asked the conditions again, and counts from what is
    -- there then.
    UPDATE @schema@.points_account SET
      available = available + CASE WHEN v_pending THEN 0 ELSE p_points END,
      pending = pending + CASE WHEN v_pending THEN p_points ELSE 0 END,
      lifetime_accrued = lifetime_accrued + v_earned, last_seq = last_seq + 1,
      last_activity_at = greatest(last_activity_at, v_acted_at),
      next_due_at = least(next_due_at, v_due_at,
        CASE WHEN p_inactivity_months IS NOT NULL THEN @schema@.points_inactive_at(
          coalesce(greatest(last_activity_at, v_acted_at), opened_at), p_inactivity_months, p_tz) END),
      updated_at = p_now
    WHERE member_id = p_member AND currency = p_currency AND debt = 0 AND moved_to_id IS NULL
      AND (next_due_at > p_now OR next_due_at IS NULL) AND NOT (earn_frozen AND v_earned > 0)
      AND (p_inactivity_months IS NULL OR @schema@.points_inactive_at(
        coalesce(greatest(last_activity_at, v_acted_at), opened_at), p_inactivity_months, p_tz) > p_now)
    RETURNING id, last_seq, available, pending, held, lifetime_accrued,
      old.last_activity_at, old.next_due_at, old.updated_at
    INTO v_account, v_seq, v_available, v_waiting, v_held, v_lifetime,
      v_before_activity_at, v_before_due_at, v_before_updated_at;
    IF FOUND THEN
      INSERT INTO @schema@.points_entry(
        id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
        rule_version, effective_at, recorded_at, balance_after, cost_centre, actor, reason, explanation)
      VALUES (
        p_id, p_journal, v_account, v_seq, p_system_account, 1, p_points, p_kind, p_source, p_reference,
        p_rule, p_rule_version, p_effective_at, p_now, v_available + v_waiting + v_held, p_cost_centre, p_actor,
        p_reason, p_explanation)
      ON CONFLICT (reference, source, kind, rule) DO NOTHING;
      IF FOUND THEN
        INSERT INTO @schema@.points_lot(
          id, account_id, entry_id, points, remaining, state, earned_at, available_at, waits_for, waits_ref,
          expires_at, original_expires_at, inactivity_months)
        VALUES (
          p_id, v_account, p_id, p_points, p_points, CASE WHEN v_pending THEN 'pending' ELSE 'open' END,
          p_effective_at, p_available_at, p_waits_for, p_waits_ref, p_expires_at, p_expires_at,
          p_inactivity_months);
        v_result := format(
          '{"member_id": "%s", "journal": "%s", "entries": [{"entry_id": "%s", "kind": %s, "points": %s, '
          '"points_currency": %s, "rule": %s, "version": %s, "balance_after": %s, "available_at": %s, '
          '"expires_at": %s, "pending": %s, "debt_repaid": 0}], "account": {"account_id": "%s", '
          '"points_currency": %s, "available": %s, "pending": %s, "held": %s, "debt": 0, "lifetime_accrued": %s}',
          p_member, p_journal, p_id, to_json(p_kind), p_points, to_json(p_currency), to_json(p_rule),
          coalesce(p_rule_version::text, 'null'), v_available + v_waiting + v_held,
          coalesce(to_json(p_available_at)::text, 'null'), coalesce(to_json(p_expires_at)::text, 'null'),
          to_json(v_pending), v_account, to_json(p_currency), v_available, v_waiting, v_held, v_lifetime);
        IF p_event <> '' THEN
          INSERT INTO @schema@.outbox_event(id, type, payload, member_id, occurred_at)
          VALUES (p_event_id, p_event, (v_result || p_data || '}')::jsonb, p_member, p_now);
        END IF;
        RETURN v_result || '}';
      END IF;
      -- The reference is known: the account as it was.
      UPDATE @schema@.points_account SET
        available = available - CASE WHEN v_pending THEN 0 ELSE p_points END,
        pending = pending - CASE WHEN v_pending THEN p_points ELSE 0 END,
        lifetime_accrued = lifetime_accrued - v_earned, last_seq = last_seq - 1,
        last_activity_at = v_before_activity_at, next_due_at = v_before_due_at, updated_at = v_before_updated_at
      WHERE id = v_account;
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
