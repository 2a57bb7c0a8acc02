-- Two accounts of one person become one. History stays where it was written; what the account holds moves by
-- a pair of entries through `transfer`, lot by lot, with everything that time will do to it.

-- Where an account's points are now: in itself, or in the account that its member was merged into.
CREATE OR REPLACE FUNCTION points_home(p_account uuid) RETURNS uuid
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT coalesce(moved_to_id, id) FROM points_account WHERE id = p_account;
$$;

-- The entry that gave a lot's points to this person, before any merge.
CREATE OR REPLACE FUNCTION points_origin(p_lot points_lot) RETURNS uuid
LANGUAGE plpgsql STABLE SET search_path FROM CURRENT AS $$
BEGIN
  WHILE p_lot.from_lot_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM points_entry WHERE id = p_lot.entry_id AND kind = 'transfer' AND source = 'merge')
  LOOP
    SELECT * INTO STRICT p_lot FROM points_lot WHERE id = p_lot.from_lot_id;
  END LOOP;
  RETURN p_lot.entry_id;
END $$;

-- A hold follows its member and nobody else.
CREATE OR REPLACE FUNCTION points_refuse_stray_hold() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.account_id IS DISTINCT FROM points_home(OLD.account_id) THEN
    RAISE EXCEPTION 'a hold stays with its account' USING ERRCODE = 'PL090';
  END IF;
  RETURN NEW;
END $$;

DROP TRIGGER IF EXISTS points_hold_keeps_its_promise ON points_hold;
CREATE TRIGGER points_hold_keeps_its_promise
  BEFORE UPDATE OF id, points, source, reference, expires_at, created_at ON points_hold
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();
DROP TRIGGER IF EXISTS points_hold_follows_its_member ON points_hold;
CREATE TRIGGER points_hold_follows_its_member
  BEFORE UPDATE OF account_id ON points_hold
  FOR EACH ROW EXECUTE FUNCTION points_refuse_stray_hold();

-- Locks all accounts of the members, in the order of their keys.
CREATE OR REPLACE FUNCTION points_lock_members(p_members uuid[]) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_count integer;
BEGIN
  PERFORM 1 FROM points_account WHERE member_id = ANY(p_members) ORDER BY id FOR UPDATE;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $$;

-- Merges the accounts of one member into those of another, currency by currency. What is frozen of either
-- stays frozen. Writes no event: whoever merges the members tells of it.
CREATE OR REPLACE FUNCTION points_merge(
  p_from uuid, p_into uuid, p_journal uuid, p_actor text, p_now timestamptz, p_tz text
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_from points_account;
  v_into points_account;
  v_moved record;
  v_any boolean := false;
  v_accounts jsonb;
BEGIN
  PERFORM points_open(p_into, currency, p_now) FROM points_account WHERE member_id = p_from;
  PERFORM points_lock_members(ARRAY[p_from, p_into]);
  FOR v_from IN
    SELECT * FROM points_account WHERE member_id = p_from AND moved_to_id IS NULL ORDER BY id
  LOOP
    v_from := points_enter_by_id(v_from.id, p_now, p_tz);
    v_into := points_enter(p_into, v_from.currency, p_now, p_tz);
    UPDATE points_account SET moved_to_id = v_into.id, moved_at = coalesce(moved_at, p_now),
      first_moved_to_id = coalesce(first_moved_to_id, v_into.id)
    WHERE id = v_from.id OR moved_to_id = v_from.id;
    v_into.lifetime_accrued := v_into.lifetime_accrued + v_from.lifetime_accrued;
    v_into.last_activity_at := greatest(v_into.last_activity_at, v_from.last_activity_at);
    v_moved := points_move(v_from, v_into, p_journal, v_from.id::text, p_actor, p_now, p_tz);
    PERFORM points_store(v_moved.r_from, p_now), points_store(v_moved.r_into, p_now);
    v_any := true;
  END LOOP;
  UPDATE points_adjustmentrequest SET member_id = p_into WHERE member_id = p_from;
  UPDATE points_account account SET
    earn_frozen = account.earn_frozen OR frozen.earn, burn_frozen = account.burn_frozen OR frozen.burn,
    freeze_reason = CASE WHEN account.freeze_reason <> '' THEN account.freeze_reason ELSE frozen.reason END
  FROM (
    SELECT bool_or(earn_frozen) AS earn, bool_or(burn_frozen) AS burn, max(freeze_reason) AS reason
    FROM points_account WHERE member_id IN (p_from, p_into)) frozen
  WHERE account.member_id = p_into AND v_any AND (frozen.earn OR frozen.burn);
  SELECT jsonb_agg(points_account_json(account) || jsonb_build_object(
    'earn_frozen', account.earn_frozen, 'burn_frozen', account.burn_frozen) ORDER BY account.currency)
  INTO v_accounts FROM points_account account WHERE account.member_id = p_into;
  RETURN coalesce(v_accounts, '[]');
END $$;

-- Sends on what came back to an account whose member was merged. Both accounts are locked; returns the home.
CREATE OR REPLACE FUNCTION points_forward(
  p_account points_account, p_home uuid, p_reference text, p_actor text, p_now timestamptz, p_tz text
) RETURNS points_account
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_moved record;
BEGIN
  v_moved := points_move(
    p_account, points_enter_by_id(p_home, p_now, p_tz), points_uuid7(), p_reference, p_actor, p_now, p_tz);
  PERFORM points_store(v_moved.r_from, p_now), points_store(v_moved.r_into, p_now);
  RETURN v_moved.r_into;
END $$;

-- Moves all that one locked and settled account holds to another: lots with their ends and what they wait
-- for, holds with their parts, and debt.
CREATE OR REPLACE FUNCTION points_move(
  p_from points_account, p_into points_account, p_journal uuid, p_reference text, p_actor text,
  p_now timestamptz, p_tz text, OUT r_from points_account, OUT r_into points_account
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_lot points_lot;
  v_received uuid;
  v_new uuid;
  v_paid bigint;
  v_debt record;
  v_total bigint := p_from.available + p_from.pending + p_from.held;
BEGIN
  r_from := p_from;
  r_into := p_into;
  IF v_total > 0 THEN
    r_from := points_move_book(r_from, -1, v_total, 'transfer', 'out', p_journal, p_reference, p_actor, p_now);
    r_into := points_move_book(r_into, 1, v_total, 'transfer', 'in', p_journal, p_reference, p_actor, p_now);
    v_received := (SELECT id FROM points_entry WHERE account_id = r_into.id AND seq = r_into.last_seq);
    r_into.available := r_into.available + r_from.available;
    r_into.pending := r_into.pending + r_from.pending;
    r_into.held := r_into.held + r_from.held;
    FOR v_lot IN
      SELECT * FROM points_lot lot WHERE lot.account_id = p_from.id AND lot.state <> 'closed'
      ORDER BY lot.expires_at NULLS LAST, lot.id
    LOOP
      v_new := points_uuid7();
      INSERT INTO points_lot(id, account_id, entry_id, from_lot_id, points, remaining, held, state, earned_at,
        available_at, waits_for, waits_ref, expires_at, original_expires_at, inactivity_months, graced_at)
      VALUES (v_new, r_into.id, v_received, v_lot.id, v_lot.remaining, v_lot.remaining, v_lot.held, v_lot.state,
        v_lot.earned_at, v_lot.available_at, v_lot.waits_for, v_lot.waits_ref, v_lot.expires_at,
        v_lot.expires_at, v_lot.inactivity_months, v_lot.graced_at);
      INSERT INTO points_holdlot(id, hold_id, lot_id, points)
      SELECT points_uuid7(), part.hold_id, v_new, part.points
      FROM points_holdlot part JOIN points_hold hold ON hold.id = part.hold_id
      WHERE part.lot_id = v_lot.id AND hold.status = 'open' AND hold.account_id = p_from.id;
      UPDATE points_lot SET remaining = 0, held = 0, state = 'closed' WHERE id = v_lot.id;
      INSERT INTO points_consumption(entry_id, lot_id, points, recorded_at)
      SELECT id, v_lot.id, v_lot.remaining, p_now FROM points_entry
      WHERE account_id = r_from.id AND seq = r_from.last_seq;
      IF r_into.debt > 0 AND v_lot.state = 'open' AND v_lot.remaining > v_lot.held THEN
        v_paid := points_repay(r_into, v_new, v_lot.remaining - v_lot.held, p_now);
        r_into.available := r_into.available - v_paid;
        r_into.debt := r_into.debt - v_paid;
      END IF;
    END LOOP;
    UPDATE points_hold SET account_id = r_into.id WHERE account_id = p_from.id AND status = 'open';
    -- Who was told of an end was told.
    INSERT INTO points_expirynotice(id, account_id, expires_on, days_before, points, announced_at)
    SELECT points_uuid7(), r_into.id, expires_on, days_before, points, announced_at
    FROM points_expirynotice WHERE account_id = p_from.id
    ON CONFLICT (account_id, expires_on, days_before) DO NOTHING;
    r_from.available := 0;
    r_from.pending := 0;
    r_from.held := 0;
  END IF;
  IF r_from.debt > 0 THEN
    v_debt := points_move_debt(r_from, r_into, p_reference, p_actor, p_now);
    r_from := v_debt.r_from;
    r_into := v_debt.r_into;
  END IF;
  r_from.next_due_at := NULL;
  r_into.next_due_at := points_next_due(r_into, p_tz);
END $$;

-- The other member owes from now on what this one owed: a clawback there, by which the clawbacks here are paid.
CREATE OR REPLACE FUNCTION points_move_debt(
  p_from points_account, p_into points_account, p_reference text, p_actor text, p_now timestamptz,
  OUT r_from points_account, OUT r_into points_account
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_journal uuid := points_uuid7();
  v_taken record;
  v_entry uuid;
BEGIN
  r_into := points_move_book(
    p_into, -1, p_from.debt, 'clawback', 'debt', v_journal, p_reference, p_actor, p_now);
  v_entry := (SELECT id FROM points_entry WHERE account_id = r_into.id AND seq = r_into.last_seq);
  v_taken := points_claw(r_into.id, v_entry, p_from.debt, NULL, NULL, p_now);
  r_into.available := r_into.available - v_taken.r_available;
  r_into.debt := r_into.debt + p_from.debt - v_taken.r_available;
  r_from := points_move_book(
    p_from, 1, p_from.debt, 'transfer', 'repaid', v_journal, p_reference, p_actor, p_now);
  v_entry := (SELECT id FROM points_entry WHERE account_id = r_from.id AND seq = r_from.last_seq);
  INSERT INTO points_lot(id, account_id, entry_id, points, remaining, state, earned_at)
  VALUES (v_entry, r_from.id, v_entry, p_from.debt, p_from.debt, 'open', p_now);
  PERFORM points_repay(r_from, v_entry, p_from.debt, p_now);
  r_from.debt := 0;
END $$;

-- One leg of a merge. The account's numbers are the caller's; its count of entries is raised here.
CREATE OR REPLACE FUNCTION points_move_book(
  p_account points_account, p_direction integer, p_points bigint, p_kind text, p_rule text, p_journal uuid,
  p_reference text, p_actor text, p_now timestamptz
) RETURNS points_account
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_entry points_entry;
BEGIN
  p_account.last_seq := p_account.last_seq + 1;
  v_entry.id := points_uuid7();
  v_entry.journal_id := p_journal;
  v_entry.account_id := p_account.id;
  v_entry.seq := p_account.last_seq;
  v_entry.system_account := 'transfer';
  v_entry.direction := p_direction;
  v_entry.points := p_points;
  v_entry.kind := p_kind;
  v_entry.source := 'merge';
  v_entry.reference := p_reference;
  v_entry.rule := p_rule;
  v_entry.effective_at := p_now;
  v_entry.recorded_at := p_now;
  v_entry.actor := p_actor;
  v_entry.balance_after := p_account.available + p_account.pending + p_account.held - p_account.debt
    + p_direction * p_points;
  IF points_book(v_entry) IS NULL THEN
    RAISE EXCEPTION 'reference used with other content' USING ERRCODE = 'PL002';
  END IF;
  RETURN p_account;
END $$;
