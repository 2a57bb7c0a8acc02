-- Who changed which policy is what was asked for and decided. Superusers in replication mode (restores) pass.
CREATE OR REPLACE FUNCTION operators_guard_policy_change() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a change of policies is never deleted' USING ERRCODE = 'PL090';
  END IF;
  IF OLD.status NOT IN ('pending_approval', 'scheduled') THEN
    RAISE EXCEPTION 'a decided change of policies never changes' USING ERRCODE = 'PL090';
  END IF;
  IF (NEW.id, NEW.number, NEW.body, NEW.before, NEW.policies, NEW.needs_approval, NEW.submitted_at,
      NEW.submitted_by, NEW.note)
    IS DISTINCT FROM (OLD.id, OLD.number, OLD.body, OLD.before, OLD.policies, OLD.needs_approval,
      OLD.submitted_at, OLD.submitted_by, OLD.note)
  THEN
    RAISE EXCEPTION 'what was asked for of the policies is frozen' USING ERRCODE = 'PL090';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER operators_policychange_is_frozen
  BEFORE UPDATE OR DELETE ON operators_policychange
  FOR EACH ROW EXECUTE FUNCTION operators_guard_policy_change();
