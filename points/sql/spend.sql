-- Takes available points at once: a burn, or a negative adjustment.
CREATE OR REPLACE FUNCTION points_debit(
  p_member uuid, p_currency text, p_points bigint, p_kind text, p_system_account text, p_source text,
  p_reference text, p_reason text, p_actor text, p_cost_centre text, p_event text, p_now timestamptz, p_tz text
) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_known points_entry;
  v_entry_id uuid := points_uuid7();
  v_journal uuid := points_uuid7();
  v_result json;
  v_found boolean;
  v_lot record;
  v_left bigint := p_points;
  v_take bigint;
BEGIN
  IF p_points NOT BETWEEN 1 AND 1000000000000 THEN
    RAISE EXCEPTION 'points out of range' USING ERRCODE = 'PL012';
  END IF;
  -- As in points_enter, without the call.
  SELECT * INTO v_account FROM points_account
  WHERE member_id = p_member AND currency = p_currency FOR UPDATE;
  IF NOT FOUND OR v_account.next_due_at <= p_now OR v_account.moved_to_id IS NOT NULL THEN
    v_account := points_enter(p_member, p_currency, p_now, p_tz);
  END IF;
  IF v_account.available >= p_points AND NOT (v_account.burn_frozen AND p_kind = 'burn') THEN
    INSERT INTO points_entry(
      id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference,
      effective_at, recorded_at, balance_after, cost_centre, actor, reason)
    VALUES (
      v_entry_id, v_journal, v_account.id, v_account.last_seq + 1, p_system_account, -1, p_points, p_kind,
      p_source, p_reference, p_now, p_now,
      v_account.available + v_account.pending + v_account.held - v_account.debt - p_points,
      p_cost_centre, p_actor, p_reason)
    ON CONFLICT (reference, source, kind, rule) DO NOTHING;
  END IF;

  IF v_account.available < p_points OR (v_account.burn_frozen AND p_kind = 'burn') OR NOT FOUND THEN
    SELECT * INTO v_known FROM points_entry known
    WHERE known.reference = p_reference AND known.source = p_source AND known.kind = p_kind AND known.rule = '';
    v_found := FOUND;
    v_known.account_id := points_home(v_known.account_id);
    IF NOT v_found AND v_account.burn_frozen AND p_kind = 'burn' THEN
      RAISE EXCEPTION 'spending is frozen' USING ERRCODE = 'PL009';
    ELSIF NOT v_found THEN
      RAISE EXCEPTION 'not enough points' USING ERRCODE = 'PL001',
        DETAIL = jsonb_build_object('available', v_account.available, 'points', p_points)::text;
    ELSIF (v_known.account_id, v_known.direction, v_known.points)
        IS DISTINCT FROM (v_account.id, (-1)::smallint, p_points) THEN
      RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
    END IF;
    PERFORM points_store(v_account, p_now);
    RETURN json_build_object('member_id', v_account.member_id, 'replayed', true, 'journal', v_known.journal_id,
      'account', points_account_json(v_account),
      'entries', jsonb_build_array(points_entry_json(v_known, p_currency)));
  END IF;

  FOR v_lot IN
    SELECT lot.id, lot.remaining, lot.remaining - lot.held AS free FROM points_lot lot
    WHERE lot.account_id = v_account.id AND lot.state <> 'closed' AND lot.state = 'open'
      AND lot.remaining > lot.held
    ORDER BY lot.expires_at NULLS LAST, lot.id
  LOOP
    v_take := least(v_left, v_lot.free);
    UPDATE points_lot
    SET remaining = remaining - v_take,
        state = CASE WHEN v_take = v_lot.remaining THEN 'closed' ELSE 'open' END
    WHERE id = v_lot.id;
    INSERT INTO points_consumption(entry_id, lot_id, points, recorded_at)
    VALUES (v_entry_id, v_lot.id, v_take, p_now);
    v_left := v_left - v_take;
    EXIT WHEN v_left = 0;
  END LOOP;
  IF v_left > 0 THEN
    RAISE EXCEPTION 'the lots of account % hold less than it says', v_account.id USING ERRCODE = 'PL092';
  END IF;

  v_account.available := v_account.available - p_points;
  v_account.last_seq := v_account.last_seq + 1;
  IF p_kind = 'burn' THEN
    v_account.last_activity_at := greatest(v_account.last_activity_at, p_now);
  END IF;
  UPDATE points_account SET
    available = v_account.available, pending = v_account.pending, held = v_account.held,
    debt = v_account.debt, last_seq = v_account.last_seq,
    last_activity_at = v_account.last_activity_at, next_due_at = v_account.next_due_at, updated_at = p_now
  WHERE id = v_account.id;

  v_result := json_build_object(
    'member_id', p_member, 'journal', v_journal,
    'entries', json_build_array(json_build_object(
      'entry_id', v_entry_id, 'kind', p_kind, 'points', -p_points, 'points_currency', p_currency, 'rule', '',
      'version', NULL,
      'balance_after', v_account.available + v_account.pending + v_account.held - v_account.debt)),
    'source', p_source, 'reference', p_reference, 'reason', p_reason,
    'account', json_build_object(
      'account_id', v_account.id, 'points_currency', p_currency, 'available', v_account.available,
      'pending', v_account.pending, 'held', v_account.held, 'debt', v_account.debt,
      'lifetime_accrued', v_account.lifetime_accrued));
  INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
  VALUES (points_uuid7(), p_event, v_result::jsonb, p_member, p_now);
  RETURN v_result;
END $$;

CREATE OR REPLACE FUNCTION points_adjust(
  p_member uuid, p_currency text, p_points bigint, p_source text, p_reference text, p_reason text, p_actor text,
  p_cost_centre text, p_expires_at timestamptz, p_inactivity_months smallint, p_now timestamptz, p_tz text
) RETURNS json
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF p_points > 0 THEN
    RETURN points_post(p_member, points_uuid7(), jsonb_build_array(jsonb_build_object(
        'id', points_uuid7(), 'kind', 'adjustment', 'points', p_points, 'system_account', 'adjustment', 'source', p_source,
        'reference', p_reference, 'currency', p_currency, 'expires_at', p_expires_at,
        'inactivity_months', p_inactivity_months, 'reason', p_reason, 'actor', p_actor,
        'cost_centre', p_cost_centre)),
      p_now, p_tz, 'points.adjusted',
      ', ' || btrim(json_build_object('source', p_source, 'reference', p_reference, 'reason', p_reason)::text, '{}'));
  END IF;
  RETURN points_debit(p_member, p_currency, -p_points, 'adjustment', 'adjustment', p_source, p_reference,
    p_reason, p_actor, p_cost_centre, 'points.adjusted', p_now, p_tz);
END $$;

CREATE OR REPLACE FUNCTION points_hold_json(p_hold points_hold) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'hold_id', (p_hold).id, 'status', (p_hold).status, 'points', (p_hold).points,
  'captured', (p_hold).captured, 'released', (p_hold).released, 'source', (p_hold).source,
  'reference', (p_hold).reference, 'expires_at', (p_hold).expires_at);

-- Reserves available points, lot by lot.
CREATE OR REPLACE FUNCTION points_hold_place(
  p_member uuid, p_currency text, p_points bigint, p_source text, p_reference text, p_expires_at timestamptz,
  p_reason text, p_actor text, p_now timestamptz, p_tz text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_hold points_hold;
  v_lot record;
  v_left bigint := p_points;
  v_take bigint;
BEGIN
  IF p_points NOT BETWEEN 1 AND 1000000000000 THEN
    RAISE EXCEPTION 'points out of range' USING ERRCODE = 'PL012';
  END IF;
  v_account := points_enter(p_member, p_currency, p_now, p_tz);
  INSERT INTO points_hold(id, account_id, points, status, source, reference, reason, actor, expires_at, created_at)
  VALUES (points_uuid7(), v_account.id, p_points, 'open', p_source, p_reference, p_reason, p_actor, p_expires_at, p_now)
  ON CONFLICT (source, reference) DO NOTHING RETURNING * INTO v_hold;
  IF v_hold.id IS NULL THEN
    SELECT * INTO STRICT v_hold FROM points_hold known
    WHERE known.source = p_source AND known.reference = p_reference;
    -- Whoever asks again says either the same end or, as the API does, the same time from now.
    IF (points_home(v_hold.account_id), v_hold.points) IS DISTINCT FROM (v_account.id, p_points)
      OR (v_hold.expires_at <> p_expires_at AND v_hold.expires_at - v_hold.created_at <> p_expires_at - p_now)
    THEN
      RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
    END IF;
    PERFORM points_store(v_account, p_now);
    RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', true, 'account', points_account_json(v_account),
      'hold', points_hold_json(v_hold));
  END IF;
  IF v_account.burn_frozen THEN
    RAISE EXCEPTION 'spending is frozen' USING ERRCODE = 'PL009';
  END IF;
  IF v_account.available < p_points THEN
    RAISE EXCEPTION 'not enough points' USING ERRCODE = 'PL001',
      DETAIL = jsonb_build_object('available', v_account.available, 'points', p_points)::text;
  END IF;

  FOR v_lot IN
    SELECT lot.id, lot.remaining - lot.held AS free FROM points_lot lot
    WHERE lot.account_id = v_account.id AND lot.state <> 'closed' AND lot.state = 'open'
      AND lot.remaining > lot.held
    ORDER BY lot.expires_at NULLS LAST, lot.id
  LOOP
    v_take := least(v_left, v_lot.free);
    UPDATE points_lot SET held = held + v_take WHERE id = v_lot.id;
    INSERT INTO points_holdlot(id, hold_id, lot_id, points) VALUES (points_uuid7(), v_hold.id, v_lot.id, v_take);
    v_left := v_left - v_take;
    EXIT WHEN v_left = 0;
  END LOOP;
  IF v_left > 0 THEN
    RAISE EXCEPTION 'the lots of account % hold less than it says', v_account.id USING ERRCODE = 'PL092';
  END IF;

  v_account.available := v_account.available - p_points;
  v_account.held := v_account.held + p_points;
  v_account.next_due_at := least(v_account.next_due_at, p_expires_at);
  PERFORM points_store(v_account, p_now);
  PERFORM points_tell('points.held', v_account, NULL, '[]', points_hold_json(v_hold), p_now);
  RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', false, 'account', points_account_json(v_account),
    'hold', points_hold_json(v_hold));
END $$;

-- The account of a hold, locked and settled, and then the hold, locked.
CREATE OR REPLACE FUNCTION points_enter_hold(
  p_hold uuid, p_now timestamptz, p_tz text, OUT r_account points_account, OUT r_hold points_hold
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account uuid;
BEGIN
  LOOP
    SELECT account_id INTO v_account FROM points_hold WHERE id = p_hold;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'no such hold' USING ERRCODE = 'PL004';
    END IF;
    r_account := points_enter_by_id(v_account, p_now, p_tz);
    SELECT * INTO STRICT r_hold FROM points_hold WHERE id = p_hold FOR UPDATE;
    -- Else its member was merged into another while we waited for the lock, and the hold went with them.
    EXIT WHEN r_hold.account_id = r_account.id;
  END LOOP;
END $$;

-- Turns a hold, or a part of it, into an entry; the rest returns to the member.
CREATE OR REPLACE FUNCTION points_hold_capture(
  p_hold uuid, p_points bigint, p_source text, p_reference text, p_reason text, p_actor text,
  p_now timestamptz, p_tz text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_entered record;
  v_account points_account;
  v_hold points_hold;
  v_known points_entry;
  v_entry points_entry;
  v_entries jsonb;
  v_lot record;
  v_left bigint;
  v_take bigint;
BEGIN
  v_entered := points_enter_hold(p_hold, p_now, p_tz);
  v_account := v_entered.r_account;
  v_hold := v_entered.r_hold;
  v_entry.points := coalesce(p_points, v_hold.points);
  v_entry.source := coalesce(p_source, v_hold.source);
  v_entry.reference := coalesce(p_reference, v_hold.reference);
  IF v_hold.status = 'captured' THEN
    SELECT * INTO v_known FROM points_entry known
    WHERE known.reference = v_entry.reference AND known.source = v_entry.source AND known.kind = 'capture'
      AND known.rule = '' AND points_home(known.account_id) = v_account.id AND known.points = v_hold.captured;
    IF FOUND AND v_hold.captured = v_entry.points THEN
      PERFORM points_store(v_account, p_now);
      RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', true, 'account', points_account_json(v_account),
        'hold', points_hold_json(v_hold),
        'entries', jsonb_build_array(points_entry_json(v_known, v_account.currency)));
    END IF;
  END IF;
  IF v_hold.status <> 'open' THEN
    RAISE EXCEPTION 'the hold has ended' USING ERRCODE = 'PL003',
      DETAIL = jsonb_build_object('hold_status', v_hold.status)::text;
  END IF;
  IF v_account.burn_frozen THEN
    RAISE EXCEPTION 'spending is frozen' USING ERRCODE = 'PL009';
  END IF;
  IF v_entry.points < 1 THEN
    RAISE EXCEPTION 'points out of range' USING ERRCODE = 'PL012';
  END IF;
  IF v_entry.points > v_hold.points THEN
    RAISE EXCEPTION 'more than is held' USING ERRCODE = 'PL006',
      DETAIL = jsonb_build_object('held', v_hold.points, 'points', v_entry.points)::text;
  END IF;

  v_account.last_seq := v_account.last_seq + 1;
  v_entry.id := points_uuid7();
  v_entry.journal_id := points_uuid7();
  v_entry.account_id := v_account.id;
  v_entry.seq := v_account.last_seq;
  v_entry.system_account := 'redemption';
  v_entry.direction := -1;
  v_entry.kind := 'capture';
  v_entry.rule := '';
  v_entry.effective_at := p_now;
  v_entry.recorded_at := p_now;
  v_entry.actor := coalesce(nullif(p_actor, ''), v_hold.actor);
  v_entry.reason := coalesce(nullif(p_reason, ''), v_hold.reason);
  v_entry.balance_after := v_account.available + v_account.pending + v_account.held - v_account.debt - v_entry.points;
  IF points_book(v_entry) IS NULL THEN
    RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
  END IF;
  v_left := v_entry.points;
  FOR v_lot IN
    SELECT part.lot_id, part.points FROM points_holdlot part
    JOIN points_lot lot ON lot.id = part.lot_id AND lot.account_id = v_hold.account_id
    WHERE part.hold_id = v_hold.id ORDER BY lot.expires_at NULLS LAST, lot.id
  LOOP
    v_take := least(v_left, v_lot.points);
    UPDATE points_lot
    SET remaining = remaining - v_take, held = held - v_take,
        state = CASE WHEN remaining = v_take THEN 'closed' ELSE 'open' END
    WHERE id = v_lot.lot_id;
    INSERT INTO points_consumption(entry_id, lot_id, points, recorded_at)
    VALUES (v_entry.id, v_lot.lot_id, v_take, p_now);
    v_left := v_left - v_take;
    EXIT WHEN v_left = 0;
  END LOOP;
  v_account.held := v_account.held - v_entry.points;
  v_account.last_activity_at := greatest(v_account.last_activity_at, p_now);
  v_entries := jsonb_build_array(points_entry_json(v_entry, v_account.currency));
  v_account := points_release(v_account, v_hold, 'captured', v_entry.points, p_now, p_now, p_tz);
  PERFORM points_store(v_account, p_now);
  SELECT * INTO STRICT v_hold FROM points_hold WHERE id = v_hold.id;
  PERFORM points_tell('points.burned', v_account, v_entry.journal_id, v_entries,
    points_hold_json(v_hold) || jsonb_build_object('reason', v_entry.reason), p_now);
  RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', false, 'account', points_account_json(v_account),
    'hold', points_hold_json(v_hold), 'entries', v_entries);
END $$;

CREATE OR REPLACE FUNCTION points_hold_void(p_hold uuid, p_now timestamptz, p_tz text) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_entered record;
  v_account points_account;
  v_hold points_hold;
  v_replayed boolean;
BEGIN
  v_entered := points_enter_hold(p_hold, p_now, p_tz);
  v_account := v_entered.r_account;
  v_hold := v_entered.r_hold;
  v_replayed := v_hold.status = 'voided';
  IF v_hold.status NOT IN ('open', 'voided') THEN
    RAISE EXCEPTION 'the hold has ended' USING ERRCODE = 'PL003',
      DETAIL = jsonb_build_object('hold_status', v_hold.status)::text;
  END IF;
  IF NOT v_replayed THEN
    v_account := points_release(v_account, v_hold, 'voided', 0, p_now, p_now, p_tz);
    SELECT * INTO STRICT v_hold FROM points_hold WHERE id = v_hold.id;
    PERFORM points_tell('points.voided', v_account, NULL, '[]', points_hold_json(v_hold), p_now);
  END IF;
  PERFORM points_store(v_account, p_now);
  RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', v_replayed, 'account', points_account_json(v_account),
    'hold', points_hold_json(v_hold));
END $$;
