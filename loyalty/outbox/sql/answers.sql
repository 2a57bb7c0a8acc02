-- The first answer to an Idempotency-Key given since p_since, looked for under the key's lock: `free` is false
-- where another call holds it, `status` null where there is no answer yet. The lock is only tried, so that the
-- second caller is told at once; the answer is looked for in a statement after the lock, because a look from
-- before it would miss an answer committed in between.
CREATE OR REPLACE FUNCTION outbox_answer(
  p_lock bigint, p_caller text, p_route text, p_key text, p_since timestamptz,
  OUT free boolean, OUT digest bytea, OUT status smallint, OUT content_type text, OUT body bytea
)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  free := pg_try_advisory_xact_lock(p_lock);
  IF free THEN
    SELECT known.digest, known.status, known.content_type, known.body
    INTO digest, status, content_type, body
    FROM outbox_idempotencyrecord known
    WHERE known.caller = p_caller AND known.route = p_route AND known.key = p_key
      AND known.created_at > p_since;
  END IF;
END $$;
