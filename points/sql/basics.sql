-- What every ledger function stands on: ids, dates, locking, and the words in which results are told.

-- UUIDv7 with twelve bits of microseconds, so that rows written by one call sort in the order of writing.
-- The random part need not be secret: gen_random_uuid() would ask the operating system each time.
CREATE OR REPLACE FUNCTION points_uuid7() RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path FROM CURRENT AS $$
DECLARE
  v_us bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
  RETURN encode(
    int8send(((v_us / 1000) << 16) | 28672 | ((v_us % 1000) * 4096 / 1000))
      || int8send(random(0::bigint, 4611686018427387903) - 9223372036854775807 - 1),
    'hex')::uuid;
END $$;

-- The instant at which p_months without accrual or burn end points: 00:00 of the day after the anniversary.
CREATE OR REPLACE FUNCTION points_inactive_at(p_last timestamptz, p_months smallint, p_tz text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ((((p_last AT TIME ZONE p_tz)::date + make_interval(months => p_months::integer))::date + 1)::timestamp
        AT TIME ZONE p_tz);

-- When a lot of the account ends by its own date or by the account's inactivity; null: never.
CREATE OR REPLACE FUNCTION points_lot_ends_at(p_lot points_lot, p_account points_account, p_tz text) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
  WHEN (p_lot).inactivity_months IS NULL THEN (p_lot).expires_at
  ELSE points_inactive_at(
    coalesce((p_account).last_activity_at, (p_account).opened_at), (p_lot).inactivity_months, p_tz)
END;

CREATE OR REPLACE FUNCTION points_account_json(p_account points_account) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'account_id', (p_account).id,
  'points_currency', (p_account).currency,
  'available', (p_account).available,
  'pending', (p_account).pending,
  'held', (p_account).held,
  'debt', (p_account).debt,
  'lifetime_accrued', (p_account).lifetime_accrued);

-- An entry as events and services know it, with the dates of its lot where it opened one.
CREATE OR REPLACE FUNCTION points_entry_json(p_entry points_entry, p_currency text) RETURNS jsonb
LANGUAGE sql STABLE
RETURN jsonb_build_object(
    'entry_id', (p_entry).id,
    'kind', (p_entry).kind,
    'points', (p_entry).points * (p_entry).direction,
    'points_currency', p_currency,
    'rule', (p_entry).rule,
    'version', (p_entry).rule_version,
    'balance_after', (p_entry).balance_after)
  || coalesce(
    (SELECT jsonb_build_object(
        'available_at', lot.available_at, 'expires_at', lot.original_expires_at,
        'pending', lot.waits_for IS NOT NULL OR coalesce(lot.available_at > (p_entry).recorded_at, false))
      FROM points_lot lot WHERE lot.id = (p_entry).id),
    '{}'::jsonb);

-- Something happened: one event, in the transaction of the fact.
CREATE OR REPLACE FUNCTION points_tell(
  p_type text, p_account points_account, p_journal uuid, p_entries jsonb, p_data jsonb, p_now timestamptz
) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
  INSERT INTO outbox_event(id, type, payload, member_id, occurred_at)
  VALUES (
    points_uuid7(), p_type,
    jsonb_build_object(
      'member_id', (p_account).member_id, 'journal', p_journal, 'entries', p_entries,
      'account', points_account_json(p_account)) || p_data,
    (p_account).member_id, p_now);
$$;

-- Writes the cached columns of a locked account. The CHECKs of the table refuse what must not be.
CREATE OR REPLACE FUNCTION points_store(p_account points_account, p_now timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
  UPDATE points_account SET
    available = (p_account).available, pending = (p_account).pending, held = (p_account).held,
    debt = (p_account).debt, lifetime_accrued = (p_account).lifetime_accrued, last_seq = (p_account).last_seq,
    last_activity_at = (p_account).last_activity_at, next_due_at = (p_account).next_due_at,
    updated_at = p_now
  WHERE id = (p_account).id;
$$;

-- Puts a debit or credit into the book: one row, numbered within the account. Null if the reference is taken.
CREATE OR REPLACE FUNCTION points_book(p_entry points_entry) RETURNS uuid
LANGUAGE sql SET search_path FROM CURRENT AS $$
  INSERT INTO points_entry(
    id, journal_id, account_id, seq, system_account, direction, points, kind, source, reference, rule,
    rule_version, reverses_id, effective_at, recorded_at, balance_after, cost_centre, actor, reason, explanation)
  VALUES (
    (p_entry).id, (p_entry).journal_id, (p_entry).account_id, (p_entry).seq, (p_entry).system_account,
    (p_entry).direction, (p_entry).points, (p_entry).kind, (p_entry).source, (p_entry).reference,
    coalesce((p_entry).rule, ''), (p_entry).rule_version, (p_entry).reverses_id, (p_entry).effective_at,
    (p_entry).recorded_at, (p_entry).balance_after, coalesce((p_entry).cost_centre, ''),
    coalesce((p_entry).actor, ''), coalesce((p_entry).reason, ''), (p_entry).explanation)
  ON CONFLICT (reference, source, kind, rule) DO NOTHING
  RETURNING id;
$$;

-- Takes free points out of a lot on behalf of an entry, and notes it.
CREATE OR REPLACE FUNCTION points_take(p_entry uuid, p_lot uuid, p_points bigint, p_now timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
  UPDATE points_lot
  SET remaining = remaining - p_points,
      state = CASE WHEN remaining = p_points THEN 'closed' ELSE state END
  WHERE id = p_lot;
  INSERT INTO points_consumption(entry_id, lot_id, points, recorded_at) VALUES (p_entry, p_lot, p_points, p_now);
$$;

-- Pays an account's debt from one lot's free points: the oldest clawback first. Returns what was paid; the
-- caller moves that much from `available` and `debt`.
CREATE OR REPLACE FUNCTION points_repay(p_account points_account, p_lot uuid, p_free bigint, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  v_left bigint := least(p_free, p_account.debt);
  v_take bigint;
  v_paid bigint := 0;
  v_owed record;
BEGIN
  FOR v_owed IN
    SELECT entry.id, entry.points - coalesce(
        (SELECT sum(used.points) FROM points_consumption used WHERE used.entry_id = entry.id), 0) AS points
    FROM points_entry entry
    WHERE entry.account_id = p_account.id AND entry.kind = 'clawback'
    ORDER BY entry.seq
  LOOP
    EXIT WHEN v_left = 0;
    v_take := least(v_left, v_owed.points);
    CONTINUE WHEN v_take = 0;
    PERFORM points_take(v_owed.id, p_lot, v_take, p_now);
    v_left := v_left - v_take;
    v_paid := v_paid + v_take;
  END LOOP;
  RETURN v_paid;
END $$;
