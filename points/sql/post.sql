-- One credit as `points_post` takes it, in the words of points/postings.py.
DROP TYPE IF EXISTS points_posting;
CREATE TYPE points_posting AS (
  id uuid, kind text, points bigint, system_account text, source text, reference text, rule text,
  rule_version integer, currency text, effective_at timestamptz, available_at timestamptz, waits_for text,
  waits_ref text, expires_at timestamptz, inactivity_months smallint, cost_centre text, explanation jsonb,
  reason text, actor text
);

-- Writes all credits of one journal (p_data: what else its event says, as `, "name": value …`): entries, the lots they open, the repayment of debt, one event. Returns
-- the event's content, with `replayed` where the references had been posted before. It is put together as
-- text, which costs half of what building it as jsonb would.
CREATE OR REPLACE FUNCTION points_post(
  p_member uuid, p_journal uuid, p_entries jsonb, p_now timestamptz, p_tz text, p_event text, p_data text
) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_accounts text := '';
  v_entries text := '';
  v_result text;
  v_currency text := coalesce(p_entries -> 0 ->> 'currency', 'points');
  v_currencies text[] := ARRAY[v_currency];
  v_posting points_posting;
  v_known points_entry;
  v_pending boolean;
  v_paid bigint;
  v_booked integer := 0;
  v_repeated integer := 0;
  v_wanted integer;
  v_last integer := jsonb_array_length(p_entries) - 1;
BEGIN
  FOR v_place IN 1..v_last LOOP
    IF NOT coalesce(p_entries -> v_place ->> 'currency', 'points') = ANY(v_currencies) THEN
      v_currencies := v_currencies || coalesce(p_entries -> v_place ->> 'currency', 'points');
    END IF;
  END LOOP;
  IF cardinality(v_currencies) > 1 THEN
    PERFORM points_open(p_member, currency, p_now) FROM unnest(v_currencies) currency;
    PERFORM 1 FROM points_account
    WHERE member_id = p_member AND currency = ANY(v_currencies) ORDER BY id FOR UPDATE;
  END IF;

  FOREACH v_currency IN ARRAY v_currencies LOOP
    -- As in points_enter, without the call.
    SELECT * INTO v_account FROM points_account
    WHERE member_id = p_member AND currency = v_currency FOR UPDATE;
    IF NOT FOUND OR v_account.next_due_at <= p_now OR v_account.moved_to_id IS NOT NULL THEN
      v_account := points_enter(p_member, v_currency, p_now, p_tz);
    END IF;
    v_wanted := 0;
    FOR v_place IN 0..v_last LOOP
      CONTINUE WHEN coalesce(p_entries -> v_place ->> 'currency', 'points') <> v_currency;
      v_posting := jsonb_populate_record(NULL::points_posting, p_entries -> v_place);
      v_posting.rule := coalesce(v_posting.rule, '');
      v_posting.effective_at := coalesce(v_posting.effective_at, p_now);
      v_wanted := v_wanted + 1;
      IF v_posting.points NOT BETWEEN 1 AND 1000000000000 THEN
        RAISE EXCEPTION 'points out of range' USING ERRCODE = 'PL012';
      END IF;
      INSERT INTO points_entry(
        id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
        rule_version, effective_at, recorded_at, balance_after, cost_centre, actor, reason, explanation)
      VALUES (
        v_posting.id, p_journal, v_account.id, v_account.last_seq + 1, v_posting.system_account, 1,
        v_posting.points, v_posting.kind, v_posting.source, v_posting.reference, v_posting.rule,
        v_posting.rule_version, v_posting.effective_at, p_now,
        v_account.available + v_account.pending + v_account.held - v_account.debt + v_posting.points,
        coalesce(v_posting.cost_centre, ''), coalesce(v_posting.actor, ''), coalesce(v_posting.reason, ''),
        v_posting.explanation)
      ON CONFLICT (reference, source, kind, rule) DO NOTHING;

      IF NOT FOUND THEN
        SELECT * INTO STRICT v_known FROM points_entry known
        WHERE known.reference = v_posting.reference AND known.source = v_posting.source
          AND known.kind = v_posting.kind AND known.rule = v_posting.rule;
        v_known.account_id := points_home(v_known.account_id);
        IF (v_known.account_id, v_known.direction, v_known.points, v_known.system_account)
            IS DISTINCT FROM (v_account.id, 1::smallint, v_posting.points, v_posting.system_account) THEN
          RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
        END IF;
        v_repeated := v_repeated + 1;
        v_entries := v_entries || ',' || points_entry_json(v_known, v_currency);
        CONTINUE;
      END IF;

      IF v_account.earn_frozen AND v_posting.kind = 'accrual' THEN
        RAISE EXCEPTION 'earning is frozen' USING ERRCODE = 'PL009';
      END IF;
      v_booked := v_booked + 1;
      v_account.last_seq := v_account.last_seq + 1;
      v_pending := v_posting.waits_for IS NOT NULL OR coalesce(v_posting.available_at > p_now, false);
      INSERT INTO points_lot(
        id, account_id, entry_id, points, remaining, state, earned_at, available_at, waits_for, waits_ref,
        expires_at, original_expires_at, inactivity_months)
      VALUES (
        v_posting.id, v_account.id, v_posting.id, v_posting.points, v_posting.points,
        CASE WHEN v_pending THEN 'pending' ELSE 'open' END, v_posting.effective_at, v_posting.available_at,
        v_posting.waits_for, v_posting.waits_ref, v_posting.expires_at, v_posting.expires_at,
        v_posting.inactivity_months);

      v_paid := 0;
      IF v_pending THEN
        v_account.pending := v_account.pending + v_posting.points;
        IF v_posting.waits_for IS NULL THEN
          v_account.next_due_at := least(v_account.next_due_at, v_posting.available_at);
        END IF;
      ELSE
        IF v_account.debt > 0 THEN
          v_paid := points_repay(v_account, v_posting.id, v_posting.points, p_now);
          v_account.debt := v_account.debt - v_paid;
        END IF;
        v_account.available := v_account.available + v_posting.points - v_paid;
      END IF;
      IF v_posting.kind = 'accrual' THEN
        v_account.lifetime_accrued := v_account.lifetime_accrued + v_posting.points;
        v_account.last_activity_at := greatest(v_account.last_activity_at, least(v_posting.effective_at, p_now));
      END IF;
      v_account.next_due_at := least(v_account.next_due_at, v_posting.expires_at);
      IF v_posting.inactivity_months IS NOT NULL THEN
        v_account.next_due_at := least(v_account.next_due_at, points_inactive_at(
          coalesce(v_account.last_activity_at, v_account.opened_at), v_posting.inactivity_months, p_tz));
      END IF;
      v_entries := v_entries || ',' || json_build_object(
        'entry_id', v_posting.id, 'kind', v_posting.kind, 'points', v_posting.points,
        'points_currency', v_currency, 'rule', v_posting.rule, 'version', v_posting.rule_version,
        'balance_after', v_account.available + v_account.pending + v_account.held - v_account.debt,
        'available_at', v_posting.available_at, 'expires_at', v_posting.expires_at, 'pending', v_pending,
        'debt_repaid', v_paid);
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
    v_accounts := v_accounts || ',' || json_build_object(
      'account_id', v_account.id, 'points_currency', v_currency, 'available', v_account.available,
      'pending', v_account.pending, 'held', v_account.held, 'debt', v_account.debt,
      'lifetime_accrued', v_account.lifetime_accrued);
    IF v_repeated > 0 AND (v_booked > 0 OR v_wanted IS DISTINCT FROM
        (SELECT count(*) FROM points_entry known
         WHERE known.reference = v_known.reference AND known.source = v_known.source
           AND known.kind = v_known.kind AND points_home(known.account_id) = v_account.id
           AND known.journal_id = v_known.journal_id)) THEN
      RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
    END IF;
  END LOOP;

  v_result := '{"member_id": "' || p_member || '", "journal": "' || p_journal
    || '", "entries": [' || substr(v_entries, 2) || ']';
  IF cardinality(v_currencies) = 1 THEN
    v_result := v_result || ', "account": ' || substr(v_accounts, 2);
  ELSE
    v_result := v_result || ', "account": ' || (('[' || substr(v_accounts, 2) || ']')::json -> 0)::text
      || ', "accounts": [' || substr(v_accounts, 2) || ']';
  END IF;
  IF v_booked > 0 AND p_event <> '' THEN
    INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
    VALUES (points_uuid7(), p_event, (v_result || p_data || '}')::jsonb, p_member, p_now);
  END IF;
  IF v_repeated > 0 THEN
    v_result := v_result || ', "replayed": true';
  END IF;
  RETURN (v_result || '}')::json;
END $$;
