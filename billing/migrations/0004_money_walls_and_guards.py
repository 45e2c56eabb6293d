"""Walls and guards of gateways, disputes, refunds and wallets."""

from django.db import migrations

from billing.walls import RaiseWalls

_FINAL = ("gatewaypayout", "refund", "returnedpart", "walletentry")

GUARDS = (
    "".join(
        f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON billing_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();
"""
        for table in _FINAL
    )
    + """
-- A dispute changes once, when it is decided.
CREATE FUNCTION counterfoil_guard_dispute() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.status <> 'open'
        OR (to_jsonb(NEW) - '{status,resolved_on,fee_returned}'::text[])
            <> (to_jsonb(OLD) - '{status,resolved_on,fee_returned}'::text[])
    THEN
        RAISE EXCEPTION 'A dispute cannot be changed or deleted; it is decided once.'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER final_dispute BEFORE UPDATE OR DELETE ON billing_dispute
    FOR EACH ROW EXECUTE FUNCTION counterfoil_guard_dispute();
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON billing_dispute
    FOR EACH STATEMENT EXECUTE FUNCTION counterfoil_refuse_change();

-- Each entry of a wallet goes on from the one before.
CREATE FUNCTION counterfoil_check_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number > 1 AND NOT EXISTS (
        SELECT 1 FROM billing_walletentry p WHERE p.wallet_id = NEW.wallet_id AND p.number = NEW.number - 1
            AND p.currency = NEW.currency AND p.paid_balance + NEW.paid = NEW.paid_balance
            AND p.bonus_balance + NEW.bonus = NEW.bonus_balance
    ) THEN
        RAISE EXCEPTION 'A wallet entry goes on from the balances of the one before it.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER goes_on BEFORE INSERT ON billing_walletentry
    FOR EACH ROW EXECUTE FUNCTION counterfoil_check_wallet();
"""
)

UNGUARD = (
    "".join(f"DROP TRIGGER append_only ON billing_{table};\n" for table in _FINAL)
    + """
DROP FUNCTION counterfoil_check_wallet CASCADE;
DROP FUNCTION counterfoil_guard_dispute CASCADE;
DROP TRIGGER no_truncate ON billing_dispute;
"""
)

WALLED = [
    "billing_paymentgateway",
    "billing_gatewaypayout",
    "billing_dispute",
    "billing_refund",
    "billing_returnedpart",
    "billing_wallet",
    "billing_walletentry",
]


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_money_beyond_payments")]

    operations = [RaiseWalls(WALLED), migrations.RunSQL(GUARDS, UNGUARD)]
