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
  v_claimed uuid[];
BEGIN
  SELECT array_agg(due.id) INTO v_claimed FROM (
    SELECT id FROM points_account WHERE next_due_at <= p_now
    ORDER BY next_due_at LIMIT p_limit FOR UPDATE SKIP LOCKED) due;
  PERFORM points_settle_all(v_claimed, p_now, p_tz);
  RETURN coalesce(cardinality(v_claimed), 0);
END $$;

-- Settles accounts that the caller has locked. Where nothing but expiry is due, all of them are done at once;
-- the others one by one.
CREATE OR REPLACE FUNCTION points_settle_all(p_accounts uuid[], p_now timestamptz, p_tz text) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_mixed uuid[];
  v_plain uuid[];
  v_account_id uuid;
BEGIN
  SELECT coalesce(array_agg(DISTINCT account_id), '{}') INTO v_mixed FROM (
    SELECT account.id AS account_id FROM points_account account
    WHERE account.id = ANY(p_accounts) AND account.pending > 0 AND EXISTS (SELECT 1 FROM points_lot lot
      WHERE lot.account_id = account.id AND lot.state <> 'closed' AND lot.state = 'pending'
        AND lot.waits_for IS NULL AND lot.available_at <= p_now)
    UNION ALL
    SELECT account.id FROM points_account account
    WHERE account.id = ANY(p_accounts) AND account.held > 0 AND EXISTS (SELECT 1 FROM points_hold hold
      WHERE hold.account_id = account.id AND hold.status = 'open' AND hold.expires_at <= p_now)) mixed;
  FOREACH v_account_id IN ARRAY v_mixed LOOP
    PERFORM points_store(points_enter_by_id(v_account_id, p_now, p_tz), p_now);
  END LOOP;
  v_plain := ARRAY(SELECT id FROM unnest(p_accounts) id EXCEPT SELECT id FROM unnest(v_mixed) id);
  IF EXISTS (SELECT 1 FROM points_noticepolicy WHERE days IS NOT NULL) THEN
    PERFORM points_defer(account, p_now, p_now, p_tz) FROM points_account account WHERE id = ANY(v_plain);
  END IF;
  PERFORM points_expire_all(v_plain, p_now, p_tz);
END $$;

-- What points_expire does for one account and one instant, for many locked accounts and every instant up to
-- p_now: one entry and one event for each account and instant.
-- Lots are read through their accounts and written where they were read. A whole table is never worth reading,
-- and a plan that does not know how many accounts there are joins them row by row.
CREATE OR REPLACE FUNCTION points_expire_all(p_accounts uuid[], p_now timestamptz, p_tz text) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT SET enable_seqscan = off SET plan_cache_mode = force_custom_plan AS $$
  WITH standing AS MATERIALIZED (
    SELECT lot.ctid AS place, lot.id, lot.account_id, lot.remaining - lot.held AS free,
      CASE WHEN lot.state = 'pending' THEN lot.remaining ELSE 0 END AS pending,
      CASE WHEN lot.state = 'pending' AND lot.waits_for IS NULL THEN lot.available_at END AS opens_at,
      CASE WHEN lot.inactivity_months IS NULL THEN lot.expires_at
        ELSE points_inactive_at(
          coalesce(account.last_activity_at, account.opened_at), lot.inactivity_months, p_tz) END AS ends_at
    FROM points_account account
    JOIN points_lot lot ON lot.account_id = account.id AND lot.state <> 'closed' AND lot.remaining > lot.held
    WHERE account.id = ANY(p_accounts) AND lot.account_id = ANY(p_accounts)
  ), ended AS (
    UPDATE points_lot lot
    SET remaining = lot.held, state = CASE WHEN lot.held = 0 THEN 'closed' ELSE lot.state END
    FROM standing WHERE lot.ctid = standing.place AND standing.ends_at <= p_now
  ), groups AS MATERIALIZED (
    SELECT points_uuid7() AS id, points_uuid7() AS journal_id, account_id, ends_at, sum(free) AS points,
      sum(pending) AS pending, (array_agg(id ORDER BY id))[1] AS first_lot
    FROM standing WHERE ends_at <= p_now GROUP BY account_id, ends_at
  ), booked AS MATERIALIZED (
    SELECT groups.*, to_char(ends_at AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS.US"Z"') AS instant,
      account.member_id, account.currency, account.held, account.debt, account.lifetime_accrued,
      account.last_seq + row_number() OVER earlier AS seq,
      (account.available - sum(groups.points - groups.pending) OVER earlier)::bigint AS available_after,
      (account.pending - sum(groups.pending) OVER earlier)::bigint AS pending_after
    FROM groups JOIN points_account account ON account.id = groups.account_id AND account.id = ANY(p_accounts)
    WINDOW earlier AS (PARTITION BY groups.account_id ORDER BY groups.ends_at)
  ), entries AS (
    INSERT INTO points_entry(
      id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
      effective_at, recorded_at, balance_after)
    SELECT id, journal_id, account_id, seq, 'breakage', -1, points, 'expiry', 'expiry', first_lot::text, instant,
      ends_at, p_now,
      available_after + pending_after + held - debt
    FROM booked
  ), consumptions AS (
    INSERT INTO points_consumption(entry_id, lot_id, points, recorded_at)
    SELECT booked.id, standing.id, standing.free, p_now
    FROM standing JOIN booked ON booked.account_id = standing.account_id AND booked.ends_at = standing.ends_at
    WHERE standing.ends_at <= p_now
  ), events AS (
    INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
    SELECT points_uuid7(), 'points.expired', format(
      '{"member_id": "%s", "journal": "%s", "entries": [{"entry_id": "%s", "kind": "expiry", "points": -%s, '
      '"points_currency": %s, "rule": "%s", "version": null, "balance_after": %s}], "account": {"account_id": "%s", '
      '"points_currency": %s, "available": %s, "pending": %s, "held": %s, "debt": %s, "lifetime_accrued": %s}}',
      member_id, journal_id, id, points, to_json(currency), instant, available_after + pending_after + held - debt,
      account_id, to_json(currency), available_after, pending_after, held, debt, lifetime_accrued)::jsonb,
      member_id, p_now
    FROM booked
  ), left_over AS (
    SELECT account_id, min(least(ends_at, opens_at)) AS due FROM standing
    WHERE ends_at IS NULL OR ends_at > p_now GROUP BY account_id
  ), gone AS (
    SELECT account_id, sum(points - pending) AS available, sum(pending) AS pending, count(*) AS entries
    FROM groups GROUP BY account_id
  )
  UPDATE points_account account SET
    available = account.available - coalesce(gone.available, 0),
    pending = account.pending - coalesce(gone.pending, 0),
    last_seq = account.last_seq + coalesce(gone.entries, 0),
    next_due_at = least(left_over.due, (SELECT min(hold.expires_at) FROM points_hold hold
      WHERE hold.account_id = account.id AND hold.status = 'open')),
    updated_at = p_now
  FROM unnest(p_accounts) claimed(id)
  LEFT JOIN gone ON gone.account_id = claimed.id
  LEFT JOIN left_over ON left_over.account_id = claimed.id
  WHERE account.id = claimed.id AND account.id = ANY(p_accounts);
$$;

-- Tells once per account, last valid day and stage what is about to expire, of a portion of the accounts: up to
-- p_limit behind p_after in the order of their keys, of all or, with p_since, of those that changed since. An end is
-- of the first of p_stages whose p_untils it does not pass. Answers how many events were written, and the portion's
-- last account, null where no more follow.
-- Lots are read through their accounts: a whole table is never worth reading (see points_expire_all), and sets are
-- compared by hash, whatever the planner believes of them (docs/adr/0095).
CREATE OR REPLACE FUNCTION points_announce(
  p_stages integer[], p_untils timestamptz[], p_after uuid, p_since timestamptz, p_now timestamptz, p_tz text,
  p_limit integer
) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT SET enable_seqscan = off SET enable_nestloop = off
SET plan_cache_mode = force_custom_plan AS $$
DECLARE
  v_until timestamptz := (SELECT max(until) FROM unnest(p_untils) until);
  v_portion uuid[];
  v_written integer;
BEGIN
  IF p_since IS NULL THEN
    v_portion := ARRAY(SELECT id FROM points_account WHERE id > p_after ORDER BY id LIMIT p_limit);
  ELSE
    v_portion := ARRAY(
      SELECT id FROM (
        SELECT id FROM points_account
        WHERE next_due_at <= v_until AND updated_at >= p_since AND id > p_after OFFSET 0) changed
      ORDER BY id LIMIT p_limit);
  END IF;
  WITH expiring AS (
    SELECT account.id AS account_id, account.member_id, account.currency, sum(lot.free) AS points,
      ((lot.ends_at - interval '1 microsecond') AT TIME ZONE p_tz)::date AS expires_on, stage.days_before,
      min(lot.ends_at) AS expires_at
    FROM unnest(v_portion) portion(id)
    CROSS JOIN LATERAL (
      SELECT * FROM points_account WHERE points_account.id = portion.id AND next_due_at <= v_until OFFSET 0) account
    CROSS JOIN LATERAL (
      SELECT lot.remaining - lot.held AS free, points_lot_ends_at(lot, account, p_tz) AS ends_at
      FROM points_lot lot
      WHERE lot.account_id = account.id AND lot.state <> 'closed' AND lot.remaining > lot.held OFFSET 0) lot
    CROSS JOIN LATERAL (
      SELECT min(each.days) AS days_before FROM unnest(p_stages, p_untils) each(days, until)
      WHERE lot.ends_at <= each.until) stage
    WHERE lot.ends_at > p_now AND lot.ends_at <= v_until
    GROUP BY account.id, account.member_id, account.currency, expires_on, stage.days_before
  ), fresh AS (
    SELECT * FROM expiring WHERE NOT EXISTS (
      SELECT 1 FROM points_expirynotice notice
      WHERE notice.account_id = expiring.account_id AND notice.expires_on = expiring.expires_on
        AND notice.days_before = expiring.days_before OFFSET 0)
  ), noted AS (
    INSERT INTO points_expirynotice(id, account_id, expires_on, days_before, points, announced_at)
    SELECT points_uuid7(), account_id, expires_on, days_before, points, p_now FROM fresh
    ORDER BY expires_on, account_id
    ON CONFLICT (account_id, expires_on, days_before) DO NOTHING
    RETURNING account_id, expires_on, days_before
  ), told AS (
    INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
    SELECT points_uuid7(), 'points.expiring', jsonb_build_object(
      'member_id', fresh.member_id, 'points_currency', fresh.currency, 'points', fresh.points,
      'expires_at', fresh.expires_at, 'days_before', fresh.days_before), fresh.member_id, p_now
    FROM fresh JOIN noted USING (account_id, expires_on, days_before)
    RETURNING 1
  )
  SELECT count(*) INTO v_written FROM told;
  RETURN jsonb_build_object(
    'written', v_written,
    'last', CASE WHEN cardinality(v_portion) = p_limit THEN v_portion[p_limit] END);
END $$;
