"""What recognition schedules still have to earn, by month: the engine's own parts, computed set-wise by the database.

A schedule spreads `amount - spread_base` from `spread_from` to its end; before that, `spread_base` was earned. What the
books had recognized by a day uses the parts up in the order of their months; the rest is still to come. Where parts are
written down (after a modification, or by hand), those are taken.
"""

from django.conf import settings

from billing.models import RecognitionMethod
from billing.money import minor_digits

_DIGITS = ", ".join(f"('{currency}', {minor_digits(currency)})" for currency in settings.CURRENCIES)
_SPREAD = "(s.method LIKE 'straight%%' OR s.method = 'equal_per_period')"
KEY = "item, customer, product"


def key(alias: str) -> str:
    """Name what draws on one balance: a contract item; where none stands behind a charge, customer and product."""
    return (
        f"coalesce({alias}.contract_item_id, 0) AS item, "
        f"CASE WHEN {alias}.contract_item_id IS NULL THEN coalesce({alias}.customer_id, 0) ELSE 0 END AS customer, "
        f"CASE WHEN {alias}.contract_item_id IS NULL THEN coalesce({alias}.product_id, 0) ELSE 0 END AS product"
    )


# The schedules of an entity, and the parts of each but its last, rounded half up as accounting.spreading rounds them. The
# last part is what is left: `whole` less `total`. `ahead` is what falls into months after %(this)s.
SHARES = f"""
bounds AS (
    SELECT s.id, {key("s")}, s.currency, s.contract_id, s.customer_id AS of_customer, s.product_id AS of_product,
           d.digits, s.method, s.amount - s.spread_base AS whole, s.spread_base, s.spread_from, s.service_end,
           date_trunc('month', s.spread_from)::date AS first,
           CASE WHEN s.is_planned THEN (SELECT date_trunc('month', max(p."end") - 1)::date FROM accounting_schedulepart p
                    WHERE p.schedule_id = s.id)
                WHEN {_SPREAD} THEN date_trunc('month', s.service_end - 1)::date
                ELSE date_trunc('month', s.spread_from)::date END AS last, s.is_planned
    FROM accounting_recognitionschedule s JOIN (VALUES {_DIGITS}) AS d(currency, digits) ON d.currency = s.currency
    WHERE s.business_entity_id = %(entity)s AND NOT s.is_void AND NOT s.is_metered
),
shares AS MATERIALIZED (
    SELECT b.id, g::date AS month, round(CASE b.method
        WHEN '{RecognitionMethod.STRAIGHT_LINE_DAYS}' THEN
            b.whole * ((g + interval '1 month')::date - greatest(b.spread_from, g::date)) / (b.service_end - b.spread_from)
        WHEN '{RecognitionMethod.STRAIGHT_LINE_MONTHS}' THEN
            b.whole * ((g + interval '1 month')::date - greatest(b.spread_from, g::date))
                / ((g + interval '1 month')::date - g::date)
                / (n.count - 2 + ((b.first + interval '1 month')::date - b.spread_from)::numeric
                    / ((b.first + interval '1 month')::date - b.first)
                    + (b.service_end - b.last)::numeric / ((b.last + interval '1 month')::date - b.last))
        ELSE b.whole / n.count END, b.digits) AS amount
    FROM bounds b
    CROSS JOIN LATERAL (SELECT (date_part('year', b.last) - date_part('year', b.first))::numeric * 12
        + date_part('month', b.last)::numeric - date_part('month', b.first)::numeric + 1 AS count) n
    CROSS JOIN LATERAL generate_series(b.first::timestamp, b.last::timestamp - interval '1 day', interval '1 month') g
    WHERE b.first < b.last AND NOT b.is_planned
    UNION ALL
    SELECT b.id, date_trunc('month', p."end" - 1)::date, sum(p.amount)
    FROM bounds b JOIN accounting_schedulepart p ON p.schedule_id = b.id
    WHERE b.is_planned AND date_trunc('month', p."end" - 1)::date < b.last GROUP BY 1, 2
),
totals AS (
    SELECT b.*, coalesce(t.total, 0) AS total,
           coalesce(t.ahead, 0) + CASE WHEN b.last > %(this)s THEN b.whole - coalesce(t.total, 0) ELSE 0 END AS ahead
    FROM bounds b LEFT JOIN (
        SELECT id, sum(amount) AS total, sum(amount) FILTER (WHERE month > %(this)s) AS ahead FROM shares GROUP BY id
    ) t USING (id)
)
"""

# By key and month, what of the schedules in `chosen` the books have not recognized at %(at)s. Further parameters: entity,
# this (the first of that month), revenue (accounts).
REMAINING = f"""
parts AS (
    SELECT c.{KEY.replace(", ", ", c.")}, c.currency, c.contract_id, c.of_customer, c.of_product, s.month, s.amount
    FROM shares s JOIN chosen c USING (id)
    UNION ALL
    SELECT {KEY}, currency, contract_id, of_customer, of_product, last, whole - total FROM chosen
    UNION ALL
    SELECT {KEY}, currency, contract_id, of_customer, of_product, date_trunc('month', spread_from - 1)::date, spread_base
    FROM chosen WHERE spread_base <> 0
),
earned AS (
    SELECT {KEY}, sum(amount) AS amount FROM (SELECT DISTINCT {KEY} FROM chosen) k
    JOIN (SELECT {key("l")}, l.credit - l.debit AS amount FROM accounting_journalline l
          WHERE l.account_id = ANY(%(revenue)s) AND l.date <= %(at)s) r USING ({KEY}) GROUP BY {KEY}
),
rising AS (
    SELECT {KEY}, month, min(currency) AS currency, min(contract_id) AS contract_id, min(of_customer) AS of_customer,
           min(of_product) AS of_product, sum(amount) AS amount,
           sum(sum(amount)) OVER (PARTITION BY {KEY} ORDER BY month) AS risen
    FROM parts GROUP BY {KEY}, month
),
remaining AS (
    SELECT {KEY}, r.month, r.currency, r.contract_id, r.of_customer, r.of_product,
           least(r.amount, greatest(r.risen - coalesce(e.amount, 0), 0)) AS amount
    FROM rising r LEFT JOIN earned e USING ({KEY}) WHERE r.risen > coalesce(e.amount, 0)
)
"""
