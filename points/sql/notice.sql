-- Where the brand demands it, points do not end unless their member was told in time.

-- Until when points stay at least whose member is told at p_told: midnight after p_days full days.
CREATE OR REPLACE FUNCTION points_told_until(p_told timestamptz, p_days integer, p_tz text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ((p_told AT TIME ZONE p_tz)::date + p_days + 1)::timestamp AT TIME ZONE p_tz;

-- Whether a lot that ends at p_ends was named by a notice at least p_days full days before. What one member gave
-- to another ends when it would have ended for the giver, whoever was told.
CREATE OR REPLACE FUNCTION points_was_told(p_lot points_lot, p_ends timestamptz, p_days integer, p_tz text) RETURNS boolean
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT EXISTS (
    SELECT 1 FROM points_expirynotice notice
    JOIN points_entry entry ON entry.id = points_origin(p_lot)
    WHERE notice.account_id = p_lot.account_id AND notice.announced_at >= entry.recorded_at
      AND notice.expires_on = ((p_ends - interval '1 microsecond') AT TIME ZONE p_tz)::date
      AND points_told_until(notice.announced_at, p_days, p_tz) <= p_ends
  ) OR EXISTS (
    SELECT 1 FROM points_entry entry WHERE entry.id = p_lot.entry_id AND entry.kind = 'transfer' AND entry.source <> 'merge');
$$;

-- Puts off the end of free points that is due by p_at and that nobody was told of in time, and tells of it now.
CREATE OR REPLACE FUNCTION points_defer(
  p_account points_account, p_at timestamptz, p_now timestamptz, p_tz text
) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_days integer := (SELECT days FROM points_noticepolicy WHERE id = 1);
  v_until timestamptz;
  v_points bigint;
BEGIN
  IF v_days IS NULL THEN
    RETURN;
  END IF;
  v_until := points_told_until(p_now, v_days, p_tz);
  WITH untold AS (
    UPDATE points_lot lot SET expires_at = v_until, inactivity_months = NULL
    WHERE lot.account_id = p_account.id AND lot.state <> 'closed' AND lot.remaining > lot.held
      AND points_lot_ends_at(lot, p_account, p_tz) <= p_at
      AND NOT points_was_told(lot, points_lot_ends_at(lot, p_account, p_tz), v_days, p_tz)
    RETURNING lot.remaining - lot.held AS free
  )
  SELECT sum(free) INTO v_points FROM untold;
  IF v_points IS NULL THEN
    RETURN;
  END IF;
  INSERT INTO points_expirynotice(id, account_id, expires_on, days_before, points, announced_at)
  VALUES (points_uuid7(), p_account.id, (p_now AT TIME ZONE p_tz)::date + v_days, v_days, v_points, p_now)
  ON CONFLICT (account_id, expires_on, days_before) DO UPDATE
  SET points = points_expirynotice.points + EXCLUDED.points, announced_at = EXCLUDED.announced_at;
  INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
  VALUES (points_uuid7(), 'points.expiring', jsonb_build_object(
    'member_id', p_account.member_id, 'points_currency', p_account.currency, 'points', v_points,
    'expires_at', v_until, 'days_before', v_days), p_account.member_id, p_now);
END $$;
