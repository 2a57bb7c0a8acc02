-- Time decides: what is due on an account happens before anything else does, in the order in which it fell due.

-- Ends the free points of all lots that have run out by p_at, as one entry; of the lots in p_parts (id to points),
-- which live on for what was given back to them, only so many.
DROP FUNCTION IF EXISTS points_expire(points_account, timestamptz, text, text, timestamptz, text);
CREATE OR REPLACE FUNCTION points_expire(
  INOUT p_account points_account, p_at timestamptz, p_source text, p_reference text, p_now timestamptz, p_tz text,
  p_parts jsonb DEFAULT '{}'
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_entry points_entry;
  v_pending bigint;
  v_first uuid;
BEGIN
  PERFORM points_defer(p_account, p_at, p_now, p_tz);
  v_entry.id := points_uuid7();
  WITH due AS (
    SELECT lot.id, lot.state,
      CASE WHEN points_lot_ends_at(lot, p_account, p_tz) <= p_at THEN lot.remaining - lot.held
        ELSE (p_parts ->> lot.id::text)::bigint END AS free
    FROM points_lot lot
    WHERE lot.account_id = p_account.id AND lot.state <> 'closed' AND lot.remaining > lot.held
      AND (points_lot_ends_at(lot, p_account, p_tz) <= p_at OR p_parts ? lot.id::text)
  ), ended AS (
    UPDATE points_lot lot
    SET remaining = lot.remaining - due.free,
      state = CASE WHEN lot.remaining = due.free THEN 'closed' ELSE lot.state END
    FROM due WHERE lot.id = due.id
    RETURNING lot.id, due.free, due.state
  ), noted AS (
    INSERT INTO points_consumption(entry_id, lot_id, points, recorded_at)
    SELECT v_entry.id, ended.id, ended.free, p_now FROM ended
  )
  SELECT sum(free), coalesce(sum(free) FILTER (WHERE state = 'pending'), 0), (array_agg(id ORDER BY id))[1]
  INTO v_entry.points, v_pending, v_first FROM ended;
  IF v_entry.points IS NULL THEN
    RETURN;
  END IF;

  p_account.available := p_account.available - (v_entry.points - v_pending);
  p_account.pending := p_account.pending - v_pending;
  p_account.last_seq := p_account.last_seq + 1;
  v_entry.journal_id := points_uuid7();
  v_entry.account_id := p_account.id;
  v_entry.seq := p_account.last_seq;
  v_entry.system_account := 'breakage';
  v_entry.direction := -1;
  v_entry.kind := 'expiry';
  v_entry.source := p_source;
  v_entry.reference := coalesce(p_reference, v_first::text);
  v_entry.rule := CASE WHEN p_reference IS NULL THEN to_char(p_at AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS.US"Z"') END;
  v_entry.effective_at := p_at;
  v_entry.recorded_at := p_now;
  v_entry.balance_after := p_account.available + p_account.pending + p_account.held - p_account.debt;
  IF points_book(v_entry) IS NULL THEN
    RAISE EXCEPTION 'lot % has already expired', v_first USING ERRCODE = 'PL091';
  END IF;
  PERFORM points_tell('points.expired', p_account, v_entry.journal_id,
    jsonb_build_array(points_entry_json(v_entry, p_account.currency)), '{}', p_now);
END $$;

-- Lets the account's waiting points into `available`: those due by p_at, or those that wait for an event.
CREATE OR REPLACE FUNCTION points_free_pending(
  INOUT p_account points_account, p_at timestamptz, p_waits_for text, p_waits_ref text, p_now timestamptz
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_lot record;
  v_paid bigint;
  v_points bigint := 0;
  v_repaid bigint := 0;
  v_lots jsonb := '[]';
BEGIN
  FOR v_lot IN
    SELECT lot.id, lot.entry_id, lot.remaining FROM points_lot lot
    WHERE lot.account_id = p_account.id AND lot.state = 'pending'
      AND CASE WHEN p_waits_for IS NULL THEN lot.waits_for IS NULL AND lot.available_at <= p_at
          ELSE lot.waits_for = p_waits_for AND lot.waits_ref = p_waits_ref END
    ORDER BY lot.available_at, lot.id
  LOOP
    UPDATE points_lot SET state = 'open', available_at = coalesce(available_at, p_at) WHERE id = v_lot.id;
    v_paid := 0;
    IF p_account.debt > 0 THEN
      v_paid := points_repay(p_account, v_lot.id, v_lot.remaining, p_now);
    END IF;
    p_account.pending := p_account.pending - v_lot.remaining;
    p_account.available := p_account.available + v_lot.remaining - v_paid;
    p_account.debt := p_account.debt - v_paid;
    v_points := v_points + v_lot.remaining;
    v_repaid := v_repaid + v_paid;
    v_lots := v_lots || jsonb_build_object('entry_id', v_lot.entry_id, 'points', v_lot.remaining);
  END LOOP;
  IF v_points > 0 THEN
    PERFORM points_tell('points.activated', p_account, NULL, '[]',
      jsonb_build_object('points', v_points, 'debt_repaid', v_repaid, 'lots', v_lots), p_now);
  END IF;
END $$;

-- Ends an open hold without more capture than p_captured (whose lots were already charged): what is left of
-- its reservation becomes free, expires where its lot has run out, and else repays debt.
CREATE OR REPLACE FUNCTION points_release(
  INOUT p_account points_account, p_hold points_hold, p_status text, p_captured bigint, p_at timestamptz,
  p_now timestamptz, p_tz text
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_lot record;
  v_left bigint := p_captured;
  v_used bigint;
  v_paid bigint;
  v_freed uuid[] := '{}';
  v_ended jsonb := '{}';
BEGIN
  FOR v_lot IN
    SELECT part.lot_id, part.points, lot.graced_at FROM points_holdlot part
    JOIN points_lot lot ON lot.id = part.lot_id AND lot.account_id = p_hold.account_id
    WHERE part.hold_id = p_hold.id ORDER BY lot.expires_at NULLS LAST, lot.id
  LOOP
    v_used := least(v_left, v_lot.points);
    v_left := v_left - v_used;
    CONTINUE WHEN v_used = v_lot.points;
    UPDATE points_lot SET held = held - (v_lot.points - v_used) WHERE id = v_lot.lot_id;
    v_freed := v_freed || v_lot.lot_id;
    -- Its lot ended under the hold, and lives on only for what was given back to it since.
    IF p_hold.created_at < v_lot.graced_at THEN
      v_ended := v_ended || jsonb_build_object(v_lot.lot_id, v_lot.points - v_used);
    END IF;
  END LOOP;
  p_account.held := p_account.held - (p_hold.points - p_captured);
  p_account.available := p_account.available + (p_hold.points - p_captured);
  UPDATE points_hold
  SET status = p_status, captured = p_captured, released = p_hold.points - p_captured, ended_at = p_at
  WHERE id = p_hold.id;
  IF p_captured = p_hold.points THEN
    RETURN;
  END IF;
  p_account := points_expire(p_account, p_at, 'hold', p_hold.id::text, p_now, p_tz, v_ended);
  IF p_account.debt > 0 THEN
    FOR v_lot IN
      SELECT lot.id, lot.remaining - lot.held AS free FROM points_lot lot
      WHERE lot.id = ANY(v_freed) AND lot.remaining > lot.held ORDER BY lot.expires_at NULLS LAST, lot.id
    LOOP
      v_paid := points_repay(p_account, v_lot.id, v_lot.free, p_now);
      p_account.available := p_account.available - v_paid;
      p_account.debt := p_account.debt - v_paid;
    END LOOP;
  END IF;
  -- Lots that were wholly held did not count for what falls due; freed ones do.
  p_account.next_due_at := points_next_due(p_account, p_tz);
END $$;

-- The earliest instant at which something falls due on the account; null: nothing ever will.
CREATE OR REPLACE FUNCTION points_next_due(p_account points_account, p_tz text) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT least(
    (SELECT min(least(
        points_lot_ends_at(lot, p_account, p_tz),
        CASE WHEN lot.state = 'pending' AND lot.waits_for IS NULL THEN lot.available_at END))
      FROM points_lot lot
      WHERE lot.account_id = (p_account).id AND lot.state <> 'closed' AND lot.remaining > lot.held),
    (SELECT min(hold.expires_at) FROM points_hold hold
      WHERE hold.account_id = (p_account).id AND hold.status = 'open'));
$$;

-- Does what is due on a locked account by p_now. The caller stores the account.
CREATE OR REPLACE FUNCTION points_settle(INOUT p_account points_account, p_now timestamptz, p_tz text)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_at timestamptz;
  v_hold points_hold;
BEGIN
  LOOP
    v_at := points_next_due(p_account, p_tz);
    EXIT WHEN v_at IS NULL OR v_at > p_now;
    p_account := points_expire(p_account, v_at, 'expiry', NULL, p_now, p_tz);
    p_account := points_free_pending(p_account, v_at, NULL, NULL, p_now);
    FOR v_hold IN
      SELECT * FROM points_hold hold
      WHERE hold.account_id = p_account.id AND hold.status = 'open' AND hold.expires_at <= v_at
      ORDER BY hold.expires_at, hold.id FOR UPDATE
    LOOP
      p_account := points_release(p_account, v_hold, 'expired', 0, v_hold.expires_at, p_now, p_tz);
      PERFORM points_tell('points.voided', p_account, NULL, '[]',
        jsonb_build_object('hold_id', v_hold.id, 'points', v_hold.points, 'reference', v_hold.reference,
          'status', 'expired'), p_now);
    END LOOP;
  END LOOP;
  p_account.next_due_at := v_at;
END $$;

-- Locks the member's account, opening it if there is none, and settles it. The caller stores the account.
-- Refuses members who were merged into another: their points are elsewhere.
CREATE OR REPLACE FUNCTION points_enter(p_member uuid, p_currency text, p_now timestamptz, p_tz text) RETURNS points_account
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
BEGIN
  SELECT * INTO v_account FROM points_account
  WHERE member_id = p_member AND currency = p_currency FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM points_open(p_member, p_currency, p_now);
    SELECT * INTO STRICT v_account FROM points_account
    WHERE member_id = p_member AND currency = p_currency FOR UPDATE;
    IF EXISTS (SELECT 1 FROM members_member WHERE id = p_member AND status = 'merged') THEN
      RAISE EXCEPTION 'the member was merged' USING ERRCODE = 'PL020';
    END IF;
  END IF;
  IF v_account.moved_to_id IS NOT NULL THEN
    RAISE EXCEPTION 'the member was merged' USING ERRCODE = 'PL020';
  END IF;
  IF v_account.next_due_at <= p_now THEN
    v_account := points_settle(v_account, p_now, p_tz);
  END IF;
  RETURN v_account;
END $$;

-- The same for an account known by its id.
CREATE OR REPLACE FUNCTION points_enter_by_id(p_account uuid, p_now timestamptz, p_tz text) RETURNS points_account
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
BEGIN
  SELECT * INTO STRICT v_account FROM points_account WHERE id = p_account FOR UPDATE;
  IF v_account.next_due_at <= p_now THEN
    v_account := points_settle(v_account, p_now, p_tz);
  END IF;
  RETURN v_account;
END $$;

-- Opens the member's account in a currency, if there is none. A freeze is the member's: it holds for what is opened
-- later. Who opens and who freezes wait for each other at the member's row.
CREATE OR REPLACE FUNCTION points_open(p_member uuid, p_currency text, p_now timestamptz) RETURNS uuid
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_id uuid;
BEGIN
  SELECT id INTO v_id FROM points_account WHERE member_id = p_member AND currency = p_currency;
  IF v_id IS NULL THEN
    PERFORM 1 FROM members_member WHERE id = p_member FOR KEY SHARE;
    INSERT INTO points_account(
      id, member_id, currency, opened_at, updated_at, earn_frozen, burn_frozen, freeze_reason)
    SELECT points_uuid7(), p_member, p_currency, p_now, p_now, coalesce(bool_or(earn_frozen), false),
      coalesce(bool_or(burn_frozen), false), coalesce(max(freeze_reason), '')
    FROM points_account WHERE member_id = p_member
    ON CONFLICT (member_id, currency) DO NOTHING RETURNING id INTO v_id;
    IF v_id IS NULL THEN
      SELECT id INTO v_id FROM points_account WHERE member_id = p_member AND currency = p_currency;
    END IF;
  END IF;
  RETURN v_id;
END $$;

CREATE OR REPLACE FUNCTION points_lock(p_member uuid, p_currency text, p_now timestamptz, p_tz text) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_id uuid;
  v_due timestamptz;
BEGIN
  SELECT id, next_due_at INTO v_id, v_due FROM points_account
  WHERE member_id = p_member AND currency = p_currency FOR UPDATE;
  -- A merged member's account can be locked too: whoever waited for it looks at the member afterwards.
  v_account := CASE WHEN FOUND THEN points_enter_by_id(v_id, p_now, p_tz)
    ELSE points_enter(p_member, p_currency, p_now, p_tz) END;
  IF v_due <= p_now THEN
    PERFORM points_store(v_account, p_now);
  END IF;
  RETURN points_account_json(v_account)
    || jsonb_build_object('earn_frozen', v_account.earn_frozen, 'burn_frozen', v_account.burn_frozen);
END $$;

CREATE OR REPLACE FUNCTION points_freeze(
  p_member uuid, p_earn boolean, p_burn boolean, p_reason text, p_now timestamptz, p_tz text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_result jsonb;
BEGIN
  PERFORM points_enter(p_member, 'points', p_now, p_tz)
  WHERE NOT EXISTS (SELECT 1 FROM points_account WHERE member_id = p_member);
  PERFORM 1 FROM points_account WHERE member_id = p_member ORDER BY id FOR UPDATE;
  PERFORM 1 FROM members_member WHERE id = p_member FOR UPDATE;
  WITH changed AS (
    UPDATE points_account account
    SET earn_frozen = p_earn, burn_frozen = p_burn, freeze_reason = p_reason, updated_at = p_now
    WHERE account.member_id = p_member
    RETURNING account AS account
  )
  SELECT jsonb_agg(points_account_json(account) || jsonb_build_object(
    'earn_frozen', (account).earn_frozen, 'burn_frozen', (account).burn_frozen))
  INTO v_result FROM changed;
  RETURN v_result;
END $$;
