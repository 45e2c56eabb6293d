"""Row-level security on every tenant's table."""

from django.db import migrations

from billing.walls import RaiseWalls

WALLED = [
    "accounting_defaultaccount",
    "accounting_accountingrule",
    "accounting_unmatchedevent",
    "accounting_rulepreview",
    "accounting_previewedevent",
    "accounting_journalentry",
    "accounting_journalline",
    "accounting_unsummedentries",
    "accounting_dailybalance",
    "accounting_periodseal",
    "accounting_sealedbalance",
    "accounting_sealedcustomerbalance",
    "accounting_exchangerate",
    "accounting_carryingamount",
    "accounting_manualentry",
    "accounting_manualentryline",
    "accounting_attachment",
    "accounting_recognitionschedule",
    "accounting_contractcommitment",
    "accounting_performanceobligation",
    "accounting_obligationitem",
    "accounting_schedulepart",
    "accounting_schedulerevision",
    "accounting_progressreport",
    "accounting_roleaccount",
    "accounting_correctionsplit",
]
LOOKED_UP = [
    "accounting_account",
    "accounting_ruleversion",
    "accounting_accountingpolicy",
    "accounting_accountingperiod",
]


class Migration(migrations.Migration):
    replaces = [("accounting", "0002_walls_and_guards")]
    dependencies = [
        ("accounting", "0001_tables"),
        # The last that the tables stand for: Django refuses a database which had only some of them.
        ("accounting", "0022_one_entry_for_less"),
    ]

    operations = [RaiseWalls(WALLED), RaiseWalls(LOOKED_UP, at_each_row=True)]
