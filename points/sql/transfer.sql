-- Moves available points to another member: two entries of one journal, every lot with its own end.
CREATE OR REPLACE FUNCTION points_transfer(
  p_from uuid, p_to uuid, p_currency text, p_points bigint, p_source text, p_reference text, p_reason text,
  p_actor text, p_limit bigint, p_month_start timestamptz, p_now timestamptz, p_tz text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_giver points_account;
  v_taker points_account;
  v_sent points_entry;
  v_received points_entry;
  v_lot points_lot;
  v_new uuid;
  v_left bigint := p_points;
  v_take bigint;
  v_paid bigint;
  v_ends timestamptz;
  v_replayed boolean := false;
  v_entries jsonb;
BEGIN
  IF p_points NOT BETWEEN 1 AND 1000000000000 THEN
    RAISE EXCEPTION 'points out of range' USING ERRCODE = 'PL012';
  END IF;
  IF p_from = p_to THEN
    RAISE EXCEPTION 'giver and receiver are the same' USING ERRCODE = 'PL011';
  END IF;
  PERFORM points_open(p_from, p_currency, p_now), points_open(p_to, p_currency, p_now);
  PERFORM 1 FROM points_account
  WHERE member_id IN (p_from, p_to) AND currency = p_currency ORDER BY id FOR UPDATE;
  v_giver := points_enter(p_from, p_currency, p_now, p_tz);
  v_taker := points_enter(p_to, p_currency, p_now, p_tz);

  SELECT * INTO v_sent FROM points_entry known
  WHERE known.reference = p_reference AND known.source = p_source AND known.kind = 'transfer' AND known.rule = 'out';
  IF FOUND THEN
    SELECT * INTO STRICT v_received FROM points_entry known
    WHERE known.reference = p_reference AND known.source = p_source AND known.kind = 'transfer' AND known.rule = 'in';
    IF (points_home(v_sent.account_id), points_home(v_received.account_id), v_sent.points)
        IS DISTINCT FROM (v_giver.id, v_taker.id, p_points) THEN
      RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
    END IF;
    v_replayed := true;
  ELSE
    IF v_giver.burn_frozen OR v_taker.earn_frozen THEN
      RAISE EXCEPTION 'an account is frozen' USING ERRCODE = 'PL009';
    END IF;
    IF v_giver.available < p_points THEN
      RAISE EXCEPTION 'not enough points' USING ERRCODE = 'PL001',
        DETAIL = jsonb_build_object('available', v_giver.available, 'points', p_points)::text;
    END IF;
    v_paid := (SELECT coalesce(sum(points), 0) FROM points_entry entry
      WHERE entry.account_id = v_giver.id AND entry.kind = 'transfer' AND entry.rule = 'out'
        AND entry.recorded_at >= p_month_start);
    IF v_paid + p_points > p_limit THEN
      RAISE EXCEPTION 'monthly limit reached' USING ERRCODE = 'PL010',
        DETAIL = jsonb_build_object('limit', p_limit, 'used', v_paid, 'points', p_points)::text;
    END IF;

    v_giver.last_seq := v_giver.last_seq + 1;
    v_sent.id := points_uuid7();
    v_sent.journal_id := points_uuid7();
    v_sent.account_id := v_giver.id;
    v_sent.seq := v_giver.last_seq;
    v_sent.system_account := 'transfer';
    v_sent.direction := -1;
    v_sent.points := p_points;
    v_sent.kind := 'transfer';
    v_sent.source := p_source;
    v_sent.reference := p_reference;
    v_sent.rule := 'out';
    v_sent.effective_at := p_now;
    v_sent.recorded_at := p_now;
    v_sent.actor := p_actor;
    v_sent.reason := p_reason;
    v_sent.balance_after := v_giver.available + v_giver.pending + v_giver.held - v_giver.debt - p_points;
    v_taker.last_seq := v_taker.last_seq + 1;
    v_received := v_sent;
    v_received.id := points_uuid7();
    v_received.account_id := v_taker.id;
    v_received.seq := v_taker.last_seq;
    v_received.direction := 1;
    v_received.rule := 'in';
    v_received.balance_after := v_taker.available + v_taker.pending + v_taker.held - v_taker.debt + p_points;
    IF points_book(v_sent) IS NULL OR points_book(v_received) IS NULL THEN
      RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
    END IF;

    FOR v_lot IN
      SELECT * FROM points_lot lot
      WHERE lot.account_id = v_giver.id AND lot.state <> 'closed' AND lot.state = 'open' AND lot.remaining > lot.held
      ORDER BY lot.expires_at NULLS LAST, lot.id
    LOOP
      v_take := least(v_left, v_lot.remaining - v_lot.held);
      v_ends := points_lot_ends_at(v_lot, v_giver, p_tz);
      PERFORM points_take(v_sent.id, v_lot.id, v_take, p_now);
      v_new := points_uuid7();
      INSERT INTO points_lot(id, account_id, entry_id, from_lot_id, points, remaining, state, earned_at,
        expires_at, original_expires_at)
      VALUES (v_new, v_taker.id, v_received.id, v_lot.id, v_take, v_take, 'open', v_lot.earned_at, v_ends, v_ends);
      v_taker.next_due_at := least(v_taker.next_due_at, v_ends);
      v_taker.available := v_taker.available + v_take;
      IF v_taker.debt > 0 THEN
        v_paid := points_repay(v_taker, v_new, v_take, p_now);
        v_taker.available := v_taker.available - v_paid;
        v_taker.debt := v_taker.debt - v_paid;
      END IF;
      v_left := v_left - v_take;
      EXIT WHEN v_left = 0;
    END LOOP;
    IF v_left > 0 THEN
      RAISE EXCEPTION 'the lots of account % hold less than it says', v_giver.id USING ERRCODE = 'PL092';
    END IF;
    v_giver.available := v_giver.available - p_points;
  END IF;

  PERFORM points_store(v_giver, p_now), points_store(v_taker, p_now);
  v_entries := jsonb_build_array(
    points_entry_json(v_sent, p_currency), points_entry_json(v_received, p_currency));
  IF NOT v_replayed THEN
    PERFORM points_tell('points.transferred', v_giver, v_sent.journal_id, v_entries, jsonb_build_object(
      'from_member_id', p_from, 'to_member_id', p_to, 'points', p_points, 'source', p_source,
      'reference', p_reference, 'reason', p_reason), p_now);
  END IF;
  RETURN jsonb_build_object('replayed', v_replayed, 'journal_id', v_sent.journal_id, 'entries', v_entries,
    'accounts', jsonb_build_array(points_account_json(v_giver), points_account_json(v_taker)));
END $$;
