-- Writes all credits of one journal: entries, the lots they open, the repayment of debt, one event.
CREATE OR REPLACE FUNCTION points_post(
  p_member uuid, p_journal uuid, p_entries jsonb, p_now timestamptz, p_tz text, p_event text, p_data jsonb
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_accounts jsonb := '[]';
  v_entries jsonb := '[]';
  v_currency text;
  v_currencies text[];
  v_entry record;
  v_known points_entry;
  v_entry_id uuid;
  v_lot_id uuid;
  v_pending boolean;
  v_paid bigint;
  v_booked integer := 0;
  v_repeated integer := 0;
  v_wanted integer;
BEGIN
  SELECT coalesce(array_agg(DISTINCT coalesce(item ->> 'currency', 'points')), '{points}')
  INTO v_currencies FROM jsonb_array_elements(p_entries) item;
  IF cardinality(v_currencies) > 1 THEN
    PERFORM points_open(p_member, currency, p_now) FROM unnest(v_currencies) currency;
    PERFORM 1 FROM points_account
    WHERE member_id = p_member AND currency = ANY(v_currencies) ORDER BY id FOR UPDATE;
  END IF;

  FOREACH v_currency IN ARRAY v_currencies LOOP
    v_account := points_enter(p_member, v_currency, p_now, p_tz);
    v_wanted := 0;
    FOR v_entry IN
      SELECT * FROM jsonb_to_recordset(p_entries) AS item(
        kind text, points bigint, system_account text, source text, reference text, rule text,
        rule_version integer, currency text, effective_at timestamptz, available_at timestamptz,
        waits_for text, waits_ref text, expires_at timestamptz, inactivity_months smallint,
        cost_centre text, explanation jsonb, reason text, actor text)
      WHERE coalesce(item.currency, 'points') = v_currency
    LOOP
      v_wanted := v_wanted + 1;
      IF v_entry.points NOT BETWEEN 1 AND 1000000000000 THEN
        RAISE EXCEPTION 'points out of range' USING ERRCODE = 'PL012';
      END IF;
      v_entry_id := points_uuid7();
      INSERT INTO points_entry(
        id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
        rule_version, effective_at, recorded_at, balance_after, cost_centre, actor, reason, explanation)
      VALUES (
        v_entry_id, p_journal, v_account.id, v_account.last_seq + 1, v_entry.system_account, 1, v_entry.points,
        v_entry.kind, v_entry.source, v_entry.reference, coalesce(v_entry.rule, ''), v_entry.rule_version,
        coalesce(v_entry.effective_at, p_now), p_now,
        v_account.available + v_account.pending + v_account.held - v_account.debt + v_entry.points,
        coalesce(v_entry.cost_centre, ''), coalesce(v_entry.actor, ''), coalesce(v_entry.reason, ''),
        v_entry.explanation)
      ON CONFLICT (reference, source, kind, rule) DO NOTHING;

      IF NOT FOUND THEN
        SELECT * INTO STRICT v_known FROM points_entry known
        WHERE known.reference = v_entry.reference AND known.source = v_entry.source
          AND known.kind = v_entry.kind AND known.rule = coalesce(v_entry.rule, '');
        IF (v_known.account_id, v_known.direction, v_known.points, v_known.system_account)
            IS DISTINCT FROM (v_account.id, 1::smallint, v_entry.points, v_entry.system_account) THEN
          RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
        END IF;
        v_repeated := v_repeated + 1;
        v_entries := v_entries || points_entry_json(v_known, v_currency);
        CONTINUE;
      END IF;

      IF v_account.earn_frozen AND v_entry.kind = 'accrual' THEN
        RAISE EXCEPTION 'earning is frozen' USING ERRCODE = 'PL009';
      END IF;
      v_booked := v_booked + 1;
      v_account.last_seq := v_account.last_seq + 1;
      v_pending := v_entry.waits_for IS NOT NULL OR coalesce(v_entry.available_at > p_now, false);
      v_lot_id := points_uuid7();
      INSERT INTO points_lot(
        id, account_id, entry_id, points, remaining, state, earned_at, available_at, waits_for, waits_ref,
        expires_at, original_expires_at, inactivity_months)
      VALUES (
        v_lot_id, v_account.id, v_entry_id, v_entry.points, v_entry.points,
        CASE WHEN v_pending THEN 'pending' ELSE 'open' END, coalesce(v_entry.effective_at, p_now),
        v_entry.available_at, v_entry.waits_for, v_entry.waits_ref, v_entry.expires_at, v_entry.expires_at,
        v_entry.inactivity_months);

      v_paid := 0;
      IF v_pending THEN
        v_account.pending := v_account.pending + v_entry.points;
        IF v_entry.waits_for IS NULL THEN
          v_account.next_due_at := least(v_account.next_due_at, v_entry.available_at);
        END IF;
      ELSE
        IF v_account.debt > 0 THEN
          v_paid := points_repay(v_account, v_lot_id, v_entry.points, p_now);
          v_account.debt := v_account.debt - v_paid;
        END IF;
        v_account.available := v_account.available + v_entry.points - v_paid;
      END IF;
      IF v_entry.kind = 'accrual' THEN
        v_account.lifetime_accrued := v_account.lifetime_accrued + v_entry.points;
        v_account.last_activity_at := greatest(
          v_account.last_activity_at, least(coalesce(v_entry.effective_at, p_now), p_now));
      END IF;
      v_account.next_due_at := least(v_account.next_due_at, v_entry.expires_at);
      IF v_entry.inactivity_months IS NOT NULL THEN
        v_account.next_due_at := least(v_account.next_due_at, points_inactive_at(
          coalesce(v_account.last_activity_at, v_account.opened_at), v_entry.inactivity_months, p_tz));
      END IF;
      v_entries := v_entries || jsonb_build_object(
        'entry_id', v_entry_id, 'journal', p_journal, 'kind', v_entry.kind, 'points', v_entry.points,
        'points_currency', v_currency, 'rule', coalesce(v_entry.rule, ''), 'version', v_entry.rule_version,
        'balance_after', v_account.available + v_account.pending + v_account.held - v_account.debt,
        'lot_id', v_lot_id, 'available_at', v_entry.available_at, 'expires_at', v_entry.expires_at,
        'pending', v_pending, 'debt_repaid', v_paid);
    END LOOP;

    -- A lot that was past its end when it was opened ends like any other.
    IF v_account.next_due_at <= p_now THEN
      v_account := points_settle(v_account, p_now, p_tz);
    END IF;
    UPDATE points_account SET
      available = v_account.available, pending = v_account.pending, held = v_account.held,
      debt = v_account.debt, lifetime_accrued = v_account.lifetime_accrued, last_seq = v_account.last_seq,
      last_activity_at = v_account.last_activity_at, next_due_at = v_account.next_due_at, updated_at = p_now
    WHERE id = v_account.id;
    v_accounts := v_accounts || points_account_json(v_account);
    IF v_repeated > 0 AND (v_booked > 0 OR v_wanted IS DISTINCT FROM
        (SELECT count(*) FROM points_entry known
         WHERE known.journal_id = v_known.journal_id AND known.account_id = v_account.id)) THEN
      RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
    END IF;
  END LOOP;

  IF v_booked > 0 AND p_event <> '' THEN
    INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
    VALUES (points_uuid7(), p_event, jsonb_build_object(
      'member_id', p_member, 'journal', p_journal, 'entries', v_entries,
      'account', v_accounts -> 0, 'accounts', v_accounts) || p_data, p_member, p_now);
  END IF;
  RETURN jsonb_build_object(
    'replayed', v_repeated > 0, 'entries', v_entries, 'account', v_accounts -> 0, 'accounts', v_accounts);
END $$;
