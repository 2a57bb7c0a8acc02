-- The commonest burn: of an account that may spend, owes nothing, has nothing due and has enough. It writes what
-- `points_debit` writes, in fewer statements, and in the way of `points_credit`: the caller brings what it knows, the
-- event's content as a text with %1$s to %9$s for the same places. Null: nothing was written, because the reference
-- is known or something is out of the ordinary; then `points_debit` is to be asked. Else the account as it is now:
-- id, available, pending, held and lifetime accrued, with blanks between them.
CREATE OR REPLACE FUNCTION points_burn(
  p_member uuid, p_journal uuid, p_id uuid, p_now timestamptz, p_points bigint, p_source text, p_reference text,
  p_reason text, p_actor text, p_currency text, p_content text
) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  v_account uuid;
  v_seq bigint;
  v_balance bigint;
  v_result text;
  v_content text;
  v_before_activity_at timestamptz;
  v_before_updated_at timestamptz;
  v_left bigint := p_points;
  v_lot uuid;
  v_remaining bigint;
  v_take bigint;
BEGIN
  -- Locks and writes at once. Who waits for the row is asked the conditions again, and counts from what is
  -- there then.
  UPDATE @schema@.points_account SET
    available = available - p_points, last_seq = last_seq + 1,
    last_activity_at = greatest(last_activity_at, p_now), updated_at = p_now
  WHERE member_id = p_member AND currency = p_currency AND available >= p_points AND debt = 0
    AND moved_to_id IS NULL AND NOT burn_frozen AND (next_due_at > p_now OR next_due_at IS NULL)
  RETURNING id, last_seq, available + pending + held,
    concat_ws(' ', id, available, pending, held, lifetime_accrued),
    format(p_content, available + pending + held, id, available, pending, held, lifetime_accrued,
      p_member, p_journal, p_id),
    old.last_activity_at, old.updated_at
  INTO v_account, v_seq, v_balance, v_result, v_content, v_before_activity_at, v_before_updated_at;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  INSERT INTO @schema@.points_entry(
    id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference,
    effective_at, recorded_at, balance_after, actor, reason)
  VALUES (
    p_id, p_journal, v_account, v_seq, 'redemption', -1, p_points, 'burn', p_source, p_reference,
    p_now, p_now, v_balance, p_actor, p_reason)
  ON CONFLICT (reference, source, kind, rule) DO NOTHING;
  IF NOT FOUND THEN
    -- The reference is known: the account as it was.
    UPDATE @schema@.points_account SET
      available = available + p_points, last_seq = last_seq - 1,
      last_activity_at = v_before_activity_at, updated_at = v_before_updated_at
    WHERE id = v_account;
    RETURN NULL;
  END IF;
  -- What ends first by itself: it is often enough, and a loop over a query begins by fetching ten rows.
  SELECT lot.id, lot.remaining, lot.remaining - lot.held INTO v_lot, v_remaining, v_take
  FROM @schema@.points_lot lot
  WHERE lot.account_id = v_account AND lot.state <> 'closed' AND lot.state = 'open' AND lot.remaining > lot.held
  ORDER BY lot.expires_at NULLS LAST, lot.id LIMIT 1;
  IF v_take >= p_points THEN
    UPDATE @schema@.points_lot
    SET remaining = v_remaining - p_points,
        state = CASE WHEN p_points = v_remaining THEN 'closed' ELSE 'open' END
    WHERE id = v_lot;
    INSERT INTO @schema@.points_consumption(entry_id, lot_id, points, recorded_at)
    VALUES (p_id, v_lot, p_points, p_now);
  ELSE
    FOR v_lot, v_remaining, v_take IN
      SELECT lot.id, lot.remaining, lot.remaining - lot.held FROM @schema@.points_lot lot
      WHERE lot.account_id = v_account AND lot.state <> 'closed' AND lot.state = 'open'
        AND lot.remaining > lot.held
      ORDER BY lot.expires_at NULLS LAST, lot.id
    LOOP
      IF v_take > v_left THEN
        v_take := v_left;
      END IF;
      UPDATE @schema@.points_lot
      SET remaining = v_remaining - v_take,
          state = CASE WHEN v_take = v_remaining THEN 'closed' ELSE 'open' END
      WHERE id = v_lot;
      INSERT INTO @schema@.points_consumption(entry_id, lot_id, points, recorded_at)
      VALUES (p_id, v_lot, v_take, p_now);
      v_left := v_left - v_take;
      EXIT WHEN v_left = 0;
    END LOOP;
    IF v_left > 0 THEN
      RAISE EXCEPTION 'the lots of account % hold less than it says', v_account USING ERRCODE = 'PL092';
    END IF;
  END IF;
  INSERT INTO @schema@.outbox_event(id, type, payload, member_id, occurred_at)
  VALUES (p_id, 'points.burned', v_content::jsonb, p_member, p_now);
  RETURN v_result;
END $$;
