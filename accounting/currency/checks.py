"""What `check_ledger` asks of foreign currency, as queries that answer the rows that should not be there."""

from accounting.currency.roles import CARRIED, IS_CARRIED

_ROLES = ", ".join(f"'{role}'" for role in CARRIED)

# The netting of a contract stands for a day only and settles nothing, so it is left out with its mirror image.
WRONG_CARRYING_AMOUNTS = f"""
SELECT coalesce(l.entity, c.entity), coalesce(l.role, c.role), coalesce(l.currency, c.currency),
    coalesce(l.amount, 0), coalesce(l.base, 0), coalesce(c.amount, 0), coalesce(c.base, 0) FROM
  (SELECT l.business_entity_id AS entity, l.role, l.currency, sum(l.debit - l.credit) AS amount,
          sum(l.base_debit - l.base_credit) AS base
   FROM accounting_journalline l JOIN billing_businessentity b ON b.id = l.business_entity_id
   WHERE l.role IN ({_ROLES}) AND l.currency <> b.base_currency AND l.debit + l.credit > 0
       AND {IS_CARRIED} GROUP BY 1, 2, 3) l
FULL JOIN
  (SELECT business_entity_id AS entity, role, currency, sum(amount) AS amount, sum(base) AS base
   FROM accounting_carryingamount GROUP BY 1, 2, 3) c
ON c.entity = l.entity AND c.role = l.role AND c.currency = l.currency
WHERE (coalesce(l.amount, 0), coalesce(l.base, 0)) <> (coalesce(c.amount, 0), coalesce(c.base, 0))
"""

# What is settled in its own currency must be gone in base currency too.
LEFT_BEHIND = """
SELECT business_entity_id, role, currency, subject, base FROM accounting_carryingamount WHERE amount = 0 AND base <> 0
"""
