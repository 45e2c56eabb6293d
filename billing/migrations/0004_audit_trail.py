"""The audit trail: each change of the set-up leaves a row, whoever makes it and however; the rows stay.

The trail is written as the owner, so that a role that merely uses the tables needs no right to (`manage.py grant_use`).
"""

from django.db import migrations

from billing.audit import RecordChanges, Recorded
from billing.guards import Guards

RECORD = """
CREATE FUNCTION counterfoil_record_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    ignored text[] := string_to_array(TG_ARGV[1], ',') || 'tenant_id'::text;
    secret text[] := string_to_array(TG_ARGV[2], ',');
    scope text := coalesce(current_setting('counterfoil.tenant', true), '');
    before jsonb;
    after jsonb;
    gone jsonb;
    owner bigint;
    subject bigint;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        before := to_jsonb(OLD) - ignored;
        owner := OLD.tenant_id;
        subject := OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        after := to_jsonb(NEW) - ignored;
        owner := NEW.tenant_id;
        subject := NEW.id;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        gone := before;
        SELECT jsonb_object_agg(o.key, o.value), jsonb_object_agg(o.key, after -> o.key) INTO before, after
            FROM jsonb_each(gone) o WHERE after -> o.key IS DISTINCT FROM o.value;
        IF before IS NULL THEN RETURN NULL; END IF;
        -- The sync engine renews its tokens every hour; a person who changes them is recorded.
        IF current_setting('counterfoil.user', true) IS NOT DISTINCT FROM ''
            AND ARRAY(SELECT jsonb_object_keys(before)) <@ secret
        THEN
            RETURN NULL;
        END IF;
    END IF;
    -- That a secret changed is news; what it was or is, is nobody's.
    SELECT coalesce(jsonb_object_agg(key, CASE WHEN key = ANY(secret) AND value NOT IN ('null', '""') THEN '"(secret)"'
        ELSE value END), NULL) INTO before FROM jsonb_each(before);
    SELECT coalesce(jsonb_object_agg(key, CASE WHEN key = ANY(secret) AND value NOT IN ('null', '""') THEN '"(secret)"'
        ELSE value END), NULL) INTO after FROM jsonb_each(after);
    IF scope <> owner::text THEN PERFORM set_config('counterfoil.tenant', owner::text, true); END IF;
    INSERT INTO billing_change (tenant_id, at, user_id, via, model, object_id, action, before, after)
        VALUES (owner, clock_timestamp(), NULLIF(current_setting('counterfoil.user', true), '')::bigint,
            coalesce(current_setting('counterfoil.via', true), ''), TG_ARGV[0], subject,
            CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END, before, after);
    IF scope <> owner::text THEN PERFORM set_config('counterfoil.tenant', scope, true); END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION counterfoil_guard_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The first trigger of a statement by hand; below a recorded change it is the second.
    IF TG_OP <> 'INSERT' OR pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'The audit trail is append-only and written by the changes themselves: % is refused.', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER append_only BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON billing_change
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_guard_changes();
"""

RECORDED = [
    Recorded("billing.businessentity"),
    Recorded("billing.membership"),
    Recorded("billing.apikey", secret=("digest",)),
    Recorded("billing.taxrate"),
    Recorded("billing.product"),
    Recorded("billing.productfamily"),
    Recorded("billing.price"),
    # The next number moves with every invoice; that it was set otherwise shows in the prefix.
    Recorded("billing.numberseries", ignored=("next_number",), only=("prefix", "kind", "business_entity_id")),
]


class Migration(migrations.Migration):
    replaces = [("billing", "0008_record_changes")]
    dependencies = [("billing", "0003_guards")]

    operations = [Guards(RECORD), RecordChanges(RECORDED)]
