-- A closed month stays as it was: what finance has reported is recorded no further.

CREATE OR REPLACE FUNCTION points_refuse_closed_month() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM points_closedmonth closed WHERE closed.ends_at > NEW.recorded_at) THEN
    RAISE EXCEPTION 'the month of % is closed', NEW.recorded_at USING ERRCODE = 'PL013';
  END IF;
  RETURN NULL;
END $$;

-- The condition keeps the look-up out of the hot path: no month is closed sooner than an hour after its end by
-- this clock, so what is recorded within the last hour cannot belong to a closed one. Not statement_timestamp():
-- a statement may have waited for points_close_month. AFTER, so that a repeated reference is no insert.
CREATE OR REPLACE TRIGGER points_entry_is_recorded_in_an_open_month
  AFTER INSERT ON points_entry FOR EACH ROW
  WHEN (NEW.recorded_at < clock_timestamp() - interval '1 hour')
  EXECUTE FUNCTION points_refuse_closed_month();

CREATE OR REPLACE TRIGGER points_consumption_is_recorded_in_an_open_month
  AFTER INSERT ON points_consumption FOR EACH ROW
  WHEN (NEW.recorded_at < clock_timestamp() - interval '1 hour')
  EXECUTE FUNCTION points_refuse_closed_month();

CREATE OR REPLACE TRIGGER points_closedmonth_is_written_once
  BEFORE UPDATE OR DELETE OR TRUNCATE ON points_closedmonth
  FOR EACH STATEMENT EXECUTE FUNCTION points_refuse_rewrite();

-- Closes a month. False where it was closed before.
CREATE OR REPLACE FUNCTION points_close_month(
  p_id uuid, p_month date, p_ends_at timestamptz, p_actor text, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql SET search_path FROM CURRENT SET lock_timeout = '1s' AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM points_closedmonth closed WHERE closed.month = p_month) THEN
    RETURN false;
  END IF;
  IF p_ends_at > least(p_now, clock_timestamp()) - interval '1 hour' THEN
    RAISE EXCEPTION 'the month is not over' USING ERRCODE = 'PL014';
  END IF;
  -- Whoever writes entries has locked an account row first, so once this lock is given nobody is at it, and
  -- whoever comes later finds the month closed. Readers do not wait.
  LOCK TABLE points_account IN EXCLUSIVE MODE;
  INSERT INTO points_closedmonth(id, month, ends_at, closed_at, actor)
  VALUES (p_id, p_month, p_ends_at, p_now, p_actor)
  ON CONFLICT (month) DO NOTHING;
  RETURN FOUND;
END $$;
