-- Takes points out of the free part of lots on behalf of a clawback, in the order of consumption, as far as
-- they go: the lots of one entry, of one journal, or any open lot. Returns what was taken, by state.
CREATE OR REPLACE FUNCTION points_claw(
  p_account uuid, p_entry uuid, p_points bigint, p_of_entry uuid, p_of_journal uuid, p_now timestamptz,
  OUT r_available bigint, OUT r_pending bigint
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_lot record;
  v_take bigint;
BEGIN
  r_available := 0;
  r_pending := 0;
  FOR v_lot IN
    SELECT lot.id, lot.remaining - lot.held AS free, lot.state FROM points_lot lot
    WHERE lot.account_id = p_account AND lot.state <> 'closed' AND lot.remaining > lot.held
      AND CASE
        WHEN p_of_entry IS NOT NULL THEN
          CASE WHEN lot.from_lot_id IS NULL THEN lot.entry_id ELSE points_origin(lot) END = p_of_entry
        WHEN p_of_journal IS NOT NULL THEN EXISTS (
          SELECT 1 FROM points_entry entry
          WHERE entry.id = CASE WHEN lot.from_lot_id IS NULL THEN lot.entry_id ELSE points_origin(lot) END
            AND entry.journal_id = p_of_journal)
        ELSE lot.state = 'open' END
    ORDER BY lot.expires_at NULLS LAST, lot.id
  LOOP
    v_take := least(p_points - r_available - r_pending, v_lot.free);
    EXIT WHEN v_take = 0;
    PERFORM points_take(p_entry, v_lot.id, v_take, p_now);
    IF v_lot.state = 'pending' THEN
      r_pending := r_pending + v_take;
    ELSE
      r_available := r_available + v_take;
    END IF;
  END LOOP;
END $$;

-- Takes back what earlier credits gave: from the journal's own lots, then from what is available, else as debt.
CREATE OR REPLACE FUNCTION points_clawback(
  p_member uuid, p_journal uuid, p_items jsonb, p_source text, p_reference text, p_reason text, p_actor text,
  p_now timestamptz, p_tz text, p_event text, p_data jsonb
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_accounts jsonb := '[]';
  v_entries jsonb := '[]';
  v_result jsonb;
  v_clawed record;
  v_account_id uuid;
  v_account_ids uuid[];
  v_found integer;
BEGIN
  SELECT array_agg(DISTINCT account.id ORDER BY account.id), count(*) INTO v_account_ids, v_found
  FROM jsonb_to_recordset(p_items) AS item(e uuid)
  JOIN points_entry entry ON entry.id = item.e
  JOIN points_account account ON account.id = points_home(entry.account_id) AND account.member_id = p_member;
  IF v_found <> jsonb_array_length(p_items) THEN
    RAISE EXCEPTION 'no such entry' USING ERRCODE = 'PL005';
  END IF;
  IF v_found = 0 THEN
    v_account := points_enter(p_member, 'points', p_now, p_tz);
    PERFORM points_store(v_account, p_now);
    RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', false, 'entries', v_entries, 'taken', 0, 'debt_added', 0,
      'account', points_account_json(v_account), 'accounts', jsonb_build_array(points_account_json(v_account)));
  END IF;
  PERFORM 1 FROM points_account WHERE id = ANY(v_account_ids) ORDER BY id FOR UPDATE;

  FOREACH v_account_id IN ARRAY v_account_ids LOOP
    v_account := points_enter_by_id(v_account_id, p_now, p_tz);
    v_clawed := points_clawback_of_account(
      v_account, p_journal, p_items, p_source, p_reference, p_reason, p_actor, p_now);
    v_account := v_clawed.r_account;
    v_entries := v_entries || v_clawed.r_entries;
    PERFORM points_store(v_account, p_now);
    v_accounts := v_accounts || points_account_json(v_account);
  END LOOP;

  SELECT jsonb_build_object(
    'replayed', coalesce(bool_or((item ->> 'replayed')::boolean), false),
    'taken', coalesce(sum((item ->> 'taken')::bigint), 0),
    'debt_added', coalesce(sum((item ->> 'debt_added')::bigint), 0))
  INTO v_result FROM jsonb_array_elements(v_entries) item;
  IF (v_result ->> 'replayed')::boolean AND (
      SELECT NOT bool_and((item ->> 'replayed')::boolean) FROM jsonb_array_elements(v_entries) item) THEN
    RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
  END IF;
  IF NOT (v_result ->> 'replayed')::boolean AND p_event <> '' THEN
    INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
    VALUES (points_uuid7(), p_event, v_result - 'replayed' || jsonb_build_object(
      'member_id', p_member, 'journal', p_journal, 'source', p_source, 'reference', p_reference,
      'reason', p_reason, 'entries', v_entries, 'account', v_accounts -> 0, 'accounts', v_accounts) || p_data,
      p_member, p_now);
  END IF;
  RETURN v_result || jsonb_build_object(
    'member_id', p_member, 'entries', v_entries, 'account', v_accounts -> 0, 'accounts', v_accounts);
END $$;

-- The clawback entries of one locked and settled account.
CREATE OR REPLACE FUNCTION points_clawback_of_account(
  p_account points_account, p_journal uuid, p_items jsonb, p_source text, p_reference text, p_reason text,
  p_actor text, p_now timestamptz, OUT r_account points_account, OUT r_entries jsonb
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_item record;
  v_known points_entry;
  v_entry points_entry;
  v_booked points_entry[] := '{}';
  v_journals uuid[] := '{}';
  v_left bigint[] := '{}';
  v_available bigint;
  v_pending bigint;
  v_pass integer;
  v_place integer;
BEGIN
  r_account := p_account;
  r_entries := '[]';
  FOR v_item IN
    SELECT item.points, item.rule, origin.id, origin.journal_id, origin.kind, origin.direction,
      origin.points AS given, origin.rule AS origin_rule, origin.rule_version, origin.system_account,
      origin.cost_centre
    FROM ROWS FROM (jsonb_to_recordset(p_items) AS (e uuid, points bigint, rule text))
      WITH ORDINALITY AS item(e, points, rule, place)
    JOIN points_entry origin ON origin.id = item.e
    WHERE points_home(origin.account_id) = p_account.id ORDER BY item.place
  LOOP
    IF v_item.points NOT BETWEEN 1 AND 1000000000000 THEN
      RAISE EXCEPTION 'points out of range' USING ERRCODE = 'PL012';
    END IF;
    SELECT * INTO v_known FROM points_entry known
    WHERE known.reference = p_reference AND known.source = p_source AND known.kind = 'clawback'
      AND known.rule = coalesce(nullif(v_item.rule, ''), v_item.origin_rule);
    IF FOUND THEN
      IF (points_home(v_known.account_id), v_known.points, v_known.reverses_id)
          IS DISTINCT FROM (p_account.id, v_item.points, v_item.id) OR cardinality(v_booked) > 0 THEN
        RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
      END IF;
      r_entries := r_entries || (points_entry_json(v_known, p_account.currency)
        || '{"replayed": true, "taken": 0, "debt_added": 0}');
      CONTINUE;
    END IF;
    IF v_item.direction <> 1 OR v_item.kind NOT IN ('accrual', 'opening', 'adjustment') THEN
      RAISE EXCEPTION 'not a credit that can be taken back' USING ERRCODE = 'PL008';
    END IF;
    v_entry.points := v_item.given - coalesce(
      (SELECT sum(points) FROM points_entry WHERE reverses_id = v_item.id), 0);
    IF v_item.points > v_entry.points THEN
      RAISE EXCEPTION 'more than is left of the entry' USING ERRCODE = 'PL007',
        DETAIL = jsonb_build_object('left', v_entry.points, 'points', v_item.points)::text;
    END IF;
    r_account.last_seq := r_account.last_seq + 1;
    v_entry.id := points_uuid7();
    v_entry.journal_id := p_journal;
    v_entry.account_id := p_account.id;
    v_entry.seq := r_account.last_seq;
    v_entry.system_account := v_item.system_account;
    v_entry.direction := -1;
    v_entry.points := v_item.points;
    v_entry.kind := 'clawback';
    v_entry.source := p_source;
    v_entry.reference := p_reference;
    v_entry.rule := coalesce(nullif(v_item.rule, ''), v_item.origin_rule);
    v_entry.rule_version := v_item.rule_version;
    v_entry.reverses_id := v_item.id;
    v_entry.effective_at := p_now;
    v_entry.recorded_at := p_now;
    v_entry.cost_centre := v_item.cost_centre;
    v_entry.actor := p_actor;
    v_entry.reason := p_reason;
    v_entry.balance_after := p_account.available + p_account.pending + p_account.held - p_account.debt
      - v_entry.points - (SELECT coalesce(sum(booked.points), 0) FROM unnest(v_booked) booked);
    IF points_book(v_entry) IS NULL THEN
      RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
    END IF;
    v_booked := v_booked || v_entry;
    v_journals := v_journals || v_item.journal_id;
    v_left := v_left || v_item.points;
  END LOOP;

  -- First each entry's own lots, then the other lots of its journal, then whatever is available.
  FOR v_pass IN 1..3 LOOP
    FOR v_place IN 1..cardinality(v_booked) LOOP
      CONTINUE WHEN v_left[v_place] = 0;
      SELECT clawed.r_available, clawed.r_pending INTO v_available, v_pending FROM points_claw(
        p_account.id, v_booked[v_place].id, v_left[v_place],
        CASE WHEN v_pass = 1 THEN v_booked[v_place].reverses_id END,
        CASE WHEN v_pass = 2 THEN v_journals[v_place] END, p_now) clawed;
      r_account.available := r_account.available - v_available;
      r_account.pending := r_account.pending - v_pending;
      v_left[v_place] := v_left[v_place] - v_available - v_pending;
    END LOOP;
  END LOOP;
  FOR v_place IN 1..cardinality(v_booked) LOOP
    r_account.debt := r_account.debt + v_left[v_place];
    r_entries := r_entries || (points_entry_json(v_booked[v_place], p_account.currency) || jsonb_build_object(
      'reverses', v_booked[v_place].reverses_id, 'replayed', false,
      'taken', v_booked[v_place].points - v_left[v_place], 'debt_added', v_left[v_place]));
  END LOOP;
END $$;

-- Gives back what a debit took, to the very lots, last taken first. The account is locked and settled.
CREATE OR REPLACE FUNCTION points_restore(
  INOUT p_account points_account, p_entry uuid, p_origin uuid, p_points bigint, p_grace_until timestamptz,
  p_now timestamptz, p_tz text
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_part record;
  v_lot points_lot;
  v_left bigint := p_points;
  v_give bigint;
  v_paid bigint;
  v_given uuid[] := '{}';
BEGIN
  FOR v_part IN
    SELECT used.lot_id, sum(used.points) AS points FROM points_consumption used
    WHERE used.entry_id = p_origin
      OR used.entry_id IN (SELECT undone.id FROM points_entry undone WHERE undone.reverses_id = p_origin)
    GROUP BY used.lot_id HAVING sum(used.points) > 0
    ORDER BY max(used.id) FILTER (WHERE used.entry_id = p_origin) DESC
  LOOP
    v_give := least(v_left, v_part.points);
    UPDATE points_lot SET remaining = remaining + v_give, state = 'open' WHERE id = v_part.lot_id
    RETURNING * INTO STRICT v_lot;
    INSERT INTO points_consumption(entry_id, lot_id, points, recorded_at)
    VALUES (p_entry, v_part.lot_id, -v_give, p_now);
    v_given := v_given || v_part.lot_id;
    IF p_grace_until IS NOT NULL AND points_lot_ends_at(v_lot, p_account, p_tz) <= p_now THEN
      UPDATE points_lot SET expires_at = p_grace_until, inactivity_months = NULL, graced_at = p_now
      WHERE id = v_part.lot_id;
    END IF;
    v_left := v_left - v_give;
    EXIT WHEN v_left = 0;
  END LOOP;
  IF v_left > 0 THEN
    RAISE EXCEPTION 'entry % has no lots to give % points back to', p_origin, v_left USING ERRCODE = 'PL092';
  END IF;
  p_account.available := p_account.available + p_points;
  p_account := points_expire(p_account, p_now, 'restoration', p_entry::text, p_now, p_tz);
  IF p_account.debt > 0 THEN
    FOR v_lot IN
      SELECT * FROM points_lot lot WHERE lot.id = ANY(v_given) AND lot.remaining > lot.held
      ORDER BY lot.expires_at NULLS LAST, lot.id
    LOOP
      v_paid := points_repay(p_account, v_lot.id, v_lot.remaining - v_lot.held, p_now);
      p_account.available := p_account.available - v_paid;
      p_account.debt := p_account.debt - v_paid;
    END LOOP;
  END IF;
  p_account.next_due_at := points_next_due(p_account, p_tz);
END $$;

-- Undoes an entry or a part of it: a debit by giving back, a credit by clawback.
CREATE OR REPLACE FUNCTION points_reverse(
  p_entry uuid, p_points bigint, p_source text, p_reference text, p_reason text, p_actor text,
  p_grace_until timestamptz, p_now timestamptz, p_tz text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_origin points_entry;
  v_known points_entry;
  v_entry points_entry;
  v_home uuid;
  v_left bigint;
  v_entries jsonb;
BEGIN
  SELECT * INTO v_origin FROM points_entry WHERE id = p_entry;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such entry' USING ERRCODE = 'PL005';
  END IF;
  -- What a debit took goes back to the very lots, even of a member who was merged meanwhile, and moves on.
  LOOP
    v_home := points_home(v_origin.account_id);
    PERFORM 1 FROM points_account WHERE id IN (v_origin.account_id, v_home) ORDER BY id FOR UPDATE;
    -- Else the member was merged while we waited for the lock, and the points are elsewhere.
    EXIT WHEN v_home = points_home(v_origin.account_id);
  END LOOP;
  v_account := points_enter_by_id(
    CASE WHEN v_origin.direction = 1 THEN v_home ELSE v_origin.account_id END, p_now, p_tz);
  SELECT * INTO v_known FROM points_entry known
  WHERE known.reference = p_reference AND known.source = p_source AND known.kind IN ('reversal', 'clawback')
  ORDER BY known.seq LIMIT 1;
  IF FOUND THEN
    IF v_known.reverses_id IS DISTINCT FROM v_origin.id OR v_known.points <> coalesce(p_points, v_known.points) THEN
      RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
    END IF;
    PERFORM points_store(v_account, p_now);
    IF v_account.id <> v_home THEN
      v_account := points_enter_by_id(v_home, p_now, p_tz);
      PERFORM points_store(v_account, p_now);
    END IF;
    RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', true, 'account', points_account_json(v_account),
      'entries', jsonb_build_array(points_entry_json(v_known, v_account.currency)));
  END IF;
  v_left := v_origin.points - coalesce((SELECT sum(points) FROM points_entry WHERE reverses_id = v_origin.id), 0);
  IF coalesce(p_points, v_left) > v_left OR v_left = 0 THEN
    RAISE EXCEPTION 'more than is left of the entry' USING ERRCODE = 'PL007',
      DETAIL = jsonb_build_object('left', v_left, 'points', p_points)::text;
  END IF;
  IF v_origin.direction = 1 THEN
    -- What was settled on the way in must stand before the account is read again.
    PERFORM points_store(v_account, p_now);
    RETURN points_clawback(v_account.member_id, points_uuid7(),
      jsonb_build_array(jsonb_build_object('e', v_origin.id, 'points', coalesce(p_points, v_left))),
      p_source, p_reference, p_reason, p_actor, p_now, p_tz, 'points.reversed', '{}');
  END IF;
  IF v_origin.kind NOT IN ('burn', 'capture', 'adjustment') THEN
    RAISE EXCEPTION 'not a debit that can be given back' USING ERRCODE = 'PL008';
  END IF;

  v_account.last_seq := v_account.last_seq + 1;
  v_entry.id := points_uuid7();
  v_entry.journal_id := points_uuid7();
  v_entry.account_id := v_account.id;
  v_entry.seq := v_account.last_seq;
  v_entry.system_account := v_origin.system_account;
  v_entry.direction := 1;
  v_entry.points := coalesce(p_points, v_left);
  v_entry.kind := 'reversal';
  v_entry.source := p_source;
  v_entry.reference := p_reference;
  v_entry.rule := '';
  v_entry.reverses_id := v_origin.id;
  v_entry.effective_at := p_now;
  v_entry.recorded_at := p_now;
  v_entry.cost_centre := v_origin.cost_centre;
  v_entry.actor := p_actor;
  v_entry.reason := p_reason;
  v_entry.balance_after := v_account.available + v_account.pending + v_account.held - v_account.debt + v_entry.points;
  IF points_book(v_entry) IS NULL THEN
    RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
  END IF;
  v_account := points_restore(v_account, v_entry.id, v_origin.id, v_entry.points, p_grace_until, p_now, p_tz);
  PERFORM points_store(v_account, p_now);
  IF v_account.id <> v_home THEN
    v_account := points_forward(v_account, v_home, v_entry.id::text, p_actor, p_now, p_tz);
  END IF;
  v_entries := jsonb_build_array(
    points_entry_json(v_entry, v_account.currency) || jsonb_build_object('reverses', v_origin.id));
  PERFORM points_tell('points.reversed', v_account, v_entry.journal_id, v_entries,
    jsonb_build_object('source', p_source, 'reference', p_reference, 'reason', p_reason), p_now);
  RETURN jsonb_build_object('member_id', v_account.member_id, 'replayed', false, 'account', points_account_json(v_account), 'entries', v_entries);
END $$;
