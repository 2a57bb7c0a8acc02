-- Frees the lots that wait for an event, account by account in the order of their keys.
CREATE OR REPLACE FUNCTION points_activate(p_waits_for text, p_waits_ref text, p_now timestamptz, p_tz text) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_account_id uuid;
  v_before bigint;
  v_freed bigint := 0;
BEGIN
  FOR v_account_id IN
    SELECT DISTINCT lot.account_id FROM points_lot lot
    WHERE lot.waits_for = p_waits_for AND lot.waits_ref = p_waits_ref AND lot.state = 'pending'
    ORDER BY lot.account_id
  LOOP
    v_account := points_enter_by_id(v_account_id, p_now, p_tz);
    v_before := (SELECT count(*) FROM points_lot lot
      WHERE lot.account_id = v_account_id AND lot.waits_for = p_waits_for AND lot.waits_ref = p_waits_ref
        AND lot.state = 'pending');
    v_account := points_free_pending(v_account, p_now, p_waits_for, p_waits_ref, p_now);
    PERFORM points_store(v_account, p_now);
    v_freed := v_freed + v_before;
  END LOOP;
  RETURN v_freed;
END $$;

-- Settles the accounts of one member; returns how many had something due.
CREATE OR REPLACE FUNCTION points_settle_member(p_member uuid, p_now timestamptz, p_tz text) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account_id uuid;
  v_count integer := 0;
BEGIN
  FOR v_account_id IN
    SELECT id FROM points_account WHERE member_id = p_member AND next_due_at <= p_now ORDER BY id
  LOOP
    PERFORM points_store(points_enter_by_id(v_account_id, p_now, p_tz), p_now);
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;

-- Settles up to p_limit accounts on which something is due, passing over those that others have locked.
CREATE OR REPLACE FUNCTION points_sweep(p_now timestamptz, p_tz text, p_limit integer) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_account points_account;
  v_count integer := 0;
BEGIN
  FOR v_account IN
    SELECT * FROM points_account WHERE next_due_at <= p_now
    ORDER BY next_due_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  LOOP
    v_account := points_settle(v_account, p_now, p_tz);
    PERFORM points_store(v_account, p_now);
    v_count := v_count + 1;
  END LOOP;
  RETURN v_count;
END $$;

-- Tells once per account, last valid day and stage what is about to expire in (p_from, p_until].
CREATE OR REPLACE FUNCTION points_announce(
  p_days_before integer, p_from timestamptz, p_until timestamptz, p_now timestamptz, p_tz text, p_limit integer
) RETURNS integer
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_written integer;
BEGIN
  WITH expiring AS (
    SELECT account.id AS account_id, account.member_id, account.currency, sum(lot.remaining - lot.held) AS points,
      ((points_lot_ends_at(lot, account, p_tz) - interval '1 microsecond') AT TIME ZONE p_tz)::date AS expires_on,
      min(points_lot_ends_at(lot, account, p_tz)) AS expires_at
    FROM points_account account
    JOIN points_lot lot ON lot.account_id = account.id AND lot.state <> 'closed' AND lot.remaining > lot.held
    WHERE account.next_due_at <= p_until
      AND points_lot_ends_at(lot, account, p_tz) > greatest(p_from, p_now)
      AND points_lot_ends_at(lot, account, p_tz) <= p_until
    GROUP BY account.id, expires_on
  ), fresh AS (
    SELECT * FROM expiring WHERE NOT EXISTS (
      SELECT 1 FROM points_expirynotice notice
      WHERE notice.account_id = expiring.account_id AND notice.expires_on = expiring.expires_on
        AND notice.days_before = p_days_before)
    ORDER BY expires_on, account_id LIMIT p_limit
  ), noted AS (
    INSERT INTO points_expirynotice(id, account_id, expires_on, days_before, points, announced_at)
    SELECT points_uuid7(), account_id, expires_on, p_days_before, points, p_now FROM fresh
    ON CONFLICT (account_id, expires_on, days_before) DO NOTHING
    RETURNING account_id, expires_on
  ), told AS (
    INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
    SELECT points_uuid7(), 'points.expiring', jsonb_build_object(
      'member_id', fresh.member_id, 'points_currency', fresh.currency, 'points', fresh.points,
      'expires_at', fresh.expires_at, 'days_before', p_days_before), fresh.member_id, p_now
    FROM fresh JOIN noted USING (account_id, expires_on)
    RETURNING 1
  )
  SELECT count(*) INTO v_written FROM told;
  RETURN v_written;
END $$;
