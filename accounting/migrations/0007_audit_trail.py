"""Accounting's part of the audit trail."""

from django.db import migrations

from billing.audit import RecordChanges, Recorded

RECORDED = [
    Recorded("accounting.account"),
    Recorded("accounting.defaultaccount"),
    Recorded("accounting.accountingrule"),
    Recorded("accounting.ruleversion"),
    Recorded("accounting.accountingpolicy", ignored=("stamp",)),
    # What the check list said is kept with the seal.
    Recorded("accounting.accountingperiod", ignored=("close_checks",)),
    Recorded("accounting.manualentry"),
]


class Migration(migrations.Migration):
    replaces = [("accounting", "0012_record_changes")]
    dependencies = [("accounting", "0006_manual_entries"), ("billing", "0004_audit_trail")]

    operations = [RecordChanges(RECORDED)]
