-- Who unlocked which cell of the compliance matrix is what was asked for and decided. Superusers in replication
-- mode (restores) pass.
CREATE OR REPLACE FUNCTION operators_guard_compliance_change() RETURNS trigger
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a change of the compliance matrix is never deleted' USING ERRCODE = 'PL090';
  END IF;
  IF OLD.status NOT IN ('pending_approval', 'scheduled') THEN
    RAISE EXCEPTION 'a decided change of the compliance matrix never changes' USING ERRCODE = 'PL090';
  END IF;
  IF (NEW.id, NEW.number, NEW.body, NEW.tag, NEW.act, NEW.opens, NEW.counsel, NEW.alone, NEW.stepped_up_at,
      NEW.needs_approval, NEW.submitted_at, NEW.submitted_by, NEW.note)
    IS DISTINCT FROM (OLD.id, OLD.number, OLD.body, OLD.tag, OLD.act, OLD.opens, OLD.counsel, OLD.alone,
      OLD.stepped_up_at, OLD.needs_approval, OLD.submitted_at, OLD.submitted_by, OLD.note)
  THEN
    RAISE EXCEPTION 'what was asked for of the compliance matrix is frozen' USING ERRCODE = 'PL090';
  END IF;
  IF OLD.told_at IS NOT NULL AND NEW.told_at IS DISTINCT FROM OLD.told_at THEN
    RAISE EXCEPTION 'a notice is given once' USING ERRCODE = 'PL090';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER operators_compliancechange_is_frozen
  BEFORE UPDATE OR DELETE ON operators_compliancechange
  FOR EACH ROW EXECUTE FUNCTION operators_guard_compliance_change();
