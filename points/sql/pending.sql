-- One pending lot by hand: what an operator or a partner decides before its day or its event comes.

-- Frees at once what one entry's lots still keep pending, whatever they wait for. `replayed` where they were
-- freed before; the account is settled first, so that what has run out is not freed any more.
CREATE OR REPLACE FUNCTION points_activate_entry(
  p_entry uuid, p_reason text, p_actor text, p_now timestamptz, p_tz text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_lot points_lot;
  v_paid bigint;
  v_points bigint := 0;
  v_repaid bigint := 0;
  v_lots jsonb := '[]';
BEGIN
  v_account := points_enter_entry(p_entry, p_now, p_tz);
  FOR v_lot IN SELECT * FROM points_lots_of(p_entry, v_account.id) ORDER BY id LOOP
    CONTINUE WHEN v_lot.state <> 'pending';
    UPDATE points_lot SET state = 'open', available_at = p_now WHERE id = v_lot.id;
    v_paid := 0;
    IF v_account.debt > 0 THEN
      v_paid := points_repay(v_account, v_lot.id, v_lot.remaining, p_now);
    END IF;
    v_account.pending := v_account.pending - v_lot.remaining;
    v_account.available := v_account.available + v_lot.remaining - v_paid;
    v_account.debt := v_account.debt - v_paid;
    v_points := v_points + v_lot.remaining;
    v_repaid := v_repaid + v_paid;
    v_lots := v_lots || jsonb_build_object('entry_id', p_entry, 'lot_id', v_lot.id, 'points', v_lot.remaining);
  END LOOP;
  IF v_points = 0 AND NOT points_was_freed(p_entry, v_account.id, p_now) THEN
    RAISE EXCEPTION 'nothing of the entry is pending' USING ERRCODE = 'PL021';
  END IF;
  v_account.next_due_at := points_next_due(v_account, p_tz);
  PERFORM points_store(v_account, p_now);
  IF v_points > 0 THEN
    PERFORM points_tell('points.activated', v_account, NULL, '[]', jsonb_build_object(
      'points', v_points, 'debt_repaid', v_repaid, 'lots', v_lots, 'reason', p_reason, 'actor', p_actor), p_now);
  END IF;
  RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', v_points = 0, 'points', v_points,
    'debt_repaid', v_repaid, 'account', points_account_json(v_account));
END $$;

-- Takes back what one entry's lots still keep pending; what became available is left alone.
CREATE OR REPLACE FUNCTION points_cancel_pending(
  p_entry uuid, p_source text, p_reference text, p_reason text, p_actor text, p_now timestamptz, p_tz text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_known points_entry;
  v_points bigint;
BEGIN
  v_account := points_enter_entry(p_entry, p_now, p_tz);
  PERFORM points_store(v_account, p_now);
  SELECT * INTO v_known FROM points_entry known
  WHERE known.reference = p_reference AND known.source = p_source AND known.kind = 'clawback'
  ORDER BY known.seq LIMIT 1;
  IF FOUND AND v_known.reverses_id IS DISTINCT FROM p_entry THEN
    RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
  END IF;
  v_points := CASE WHEN v_known.id IS NOT NULL THEN v_known.points
    ELSE (SELECT sum(remaining) FROM points_lots_of(p_entry, v_account.id) WHERE state = 'pending') END;
  IF v_points IS NULL THEN
    RAISE EXCEPTION 'nothing of the entry is pending' USING ERRCODE = 'PL021';
  END IF;
  RETURN points_clawback(v_account.member_id, points_uuid7(),
    jsonb_build_array(jsonb_build_object('e', p_entry, 'points', v_points)),
    p_source, p_reference, p_reason, p_actor, p_now, p_tz, 'points.reversed', '{}');
END $$;

-- The account in which an entry's points are now, locked and settled.
CREATE OR REPLACE FUNCTION points_enter_entry(p_entry uuid, p_now timestamptz, p_tz text) RETURNS points_account
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_id uuid;
  v_account points_account;
BEGIN
  SELECT account_id INTO v_id FROM points_entry WHERE id = p_entry;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such entry' USING ERRCODE = 'PL005';
  END IF;
  LOOP
    v_account := points_enter_by_id(points_home(v_id), p_now, p_tz);
    -- Else its member was merged while we waited for the lock, and the points are elsewhere.
    EXIT WHEN v_account.moved_to_id IS NULL;
  END LOOP;
  RETURN v_account;
END $$;

-- The unfinished lots of an account whose points an entry gave, also where they came with a merged member.
CREATE OR REPLACE FUNCTION points_lots_of(p_entry uuid, p_account uuid) RETURNS SETOF points_lot
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT * FROM points_lot lot
  WHERE lot.account_id = p_account AND lot.state <> 'closed'
    AND CASE WHEN lot.from_lot_id IS NULL THEN lot.entry_id ELSE points_origin(lot) END = p_entry;
$$;

-- Whether points that an entry kept pending were freed by now, be they spent since or not.
CREATE OR REPLACE FUNCTION points_was_freed(p_entry uuid, p_account uuid, p_now timestamptz) RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT EXISTS (
    SELECT 1 FROM (
      SELECT * FROM points_lot WHERE id = p_entry
      UNION SELECT * FROM points_lots_of(p_entry, p_account)) lot
    JOIN points_entry entry ON entry.id = lot.entry_id
    WHERE lot.state <> 'pending' AND lot.available_at <= p_now
      AND (lot.waits_for IS NOT NULL OR lot.available_at >= entry.recorded_at)
      -- What was cancelled as a whole before its time never became available.
      AND lot.points > (
        SELECT coalesce(sum(used.points), 0) FROM points_consumption used
        WHERE used.lot_id = lot.id AND used.recorded_at < lot.available_at));
$$;
