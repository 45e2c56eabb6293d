"""What recognition schedules still have to earn, by month: the engine's own parts, computed set-wise by the database.

A schedule spreads `amount - spread_base` from `spread_from` to its end; before that, `spread_base` was earned. What the
books had recognized by a day uses the parts up in the order of their months; the rest is still to come.
"""

from django.conf import settings

from billing.models import RecognitionMethod
from billing.money import minor_digits

_DIGITS = ", ".join(f"('{currency}', {minor_digits(currency)})" for currency in settings.CURRENCIES)
_SPREAD = "s.method LIKE 'straight%%' OR s.method = 'equal_per_period'"


def key(alias: str) -> str:
    """Name what draws on one balance: a contract item; where none stands behind a charge, customer and product."""
    return (
        f"coalesce({alias}.contract_item_id, 0) AS item, "
        f"CASE WHEN {alias}.contract_item_id IS NULL THEN coalesce({alias}.customer_id, 0) ELSE 0 END AS customer, "
        f"CASE WHEN {alias}.contract_item_id IS NULL THEN coalesce({alias}.product_id, 0) ELSE 0 END AS product"
    )


# Parameters: entity, at, revenue (accounts). `parts` are all parts of all schedules, rounded as accounting.spreading
# rounds them: half up, the last takes the remainder. `remaining` is by key and month what is not recognized yet.
REMAINING = f"""
bounds AS (
    SELECT s.id, {key("s")}, s.currency, s.contract_id, s.customer_id AS of_customer, s.product_id AS of_product,
           d.digits, s.method, s.amount - s.spread_base AS whole, s.spread_base, s.spread_from, s.service_end,
           date_trunc('month', s.spread_from)::date AS first,
           CASE WHEN {_SPREAD} THEN date_trunc('month', s.service_end - 1)::date
                ELSE date_trunc('month', s.spread_from)::date END AS last
    FROM accounting_recognitionschedule s JOIN (VALUES {_DIGITS}) AS d(currency, digits) ON d.currency = s.currency
    WHERE s.business_entity_id = %(entity)s AND NOT s.is_void AND NOT s.is_metered
),
months AS (
    SELECT b.id, g::date AS month, b.whole, b.digits, b.method,
           least(b.service_end, (g + interval '1 month')::date) - greatest(b.spread_from, g::date) AS days,
           (g + interval '1 month')::date - g::date AS in_month,
           b.service_end - b.spread_from AS all_days,
           (date_part('year', b.last) - date_part('year', b.first)) * 12 + date_part('month', b.last)
               - date_part('month', b.first) + 1 AS count,
           ((b.first + interval '1 month')::date - b.spread_from)::numeric
               / ((b.first + interval '1 month')::date - b.first)
           + (b.service_end - b.last)::numeric / ((b.last + interval '1 month')::date - b.last) AS ends
    FROM bounds b CROSS JOIN LATERAL generate_series(b.first, b.last - 1, interval '1 month') g WHERE b.first < b.last
),
shares AS MATERIALIZED (
    SELECT id, month, round(CASE method
        WHEN '{RecognitionMethod.STRAIGHT_LINE_DAYS}' THEN whole * days / all_days
        WHEN '{RecognitionMethod.STRAIGHT_LINE_MONTHS}' THEN whole * days / in_month / (count::numeric - 2 + ends)
        ELSE whole / count::numeric END, digits) AS amount
    FROM months
),
parts AS (
    SELECT id, month, amount FROM shares
    UNION ALL
    SELECT b.id, b.last, b.whole - coalesce(t.amount, 0)
    FROM bounds b LEFT JOIN (SELECT id, sum(amount) AS amount FROM shares GROUP BY id) t USING (id)
    UNION ALL
    SELECT id, date_trunc('month', spread_from - 1)::date, spread_base FROM bounds WHERE spread_base <> 0
),
earned AS (
    SELECT {key("l")}, sum(l.credit - l.debit) AS amount
    FROM accounting_journalline l WHERE l.account_id = ANY(%(revenue)s) AND l.date <= %(at)s GROUP BY 1, 2, 3
),
rising AS (
    SELECT b.item, b.customer, b.product, p.month, min(b.currency) AS currency, min(b.contract_id) AS contract_id,
           min(b.of_customer) AS of_customer, min(b.of_product) AS of_product, sum(p.amount) AS amount,
           sum(sum(p.amount)) OVER (PARTITION BY b.item, b.customer, b.product ORDER BY p.month) AS risen
    FROM parts p JOIN bounds b USING (id) GROUP BY b.item, b.customer, b.product, p.month
),
remaining AS (
    SELECT r.item, r.customer, r.product, r.month, r.currency, r.contract_id, r.of_customer, r.of_product,
           least(r.amount, greatest(r.risen - coalesce(e.amount, 0), 0)) AS amount
    FROM rising r LEFT JOIN earned e USING (item, customer, product) WHERE r.risen > coalesce(e.amount, 0)
)
"""
