"""Charts on pages: the figures of a table as columns or lines, drawn by the theme's script."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.utils.html import format_html
from django.utils.safestring import SafeString

_COLOURS = ("var(--color-primary-600)", "var(--color-primary-300)", "var(--color-base-600)", "var(--color-base-400)")


def columns_chart(
    labels: Sequence[str], series: Mapping[str, Sequence[Decimal]], *, stacks: Mapping[str, str] | None = None
) -> SafeString:
    """Draw columns for each label; `stacks` names, per series, the column it is stacked on."""
    datasets = [
        {
            "label": label,
            "data": [f"{value:f}" for value in values],
            "backgroundColor": _COLOURS[place % len(_COLOURS)],
            "maxBarThickness": 36,
            "stack": (stacks or {}).get(label, label),
        }
        for place, (label, values) in enumerate(series.items())
    ]
    options = {
        "responsive": True,
        "maintainAspectRatio": False,
        "animation": False,
        "plugins": {"legend": {"display": True, "position": "bottom"}},
        "scales": {"x": {"grid": {"display": False}, "stacked": True}, "y": {"stacked": True, "beginAtZero": True}},
    }
    return format_html(
        '<div class="cf-chart"><canvas class="chart" role="img" aria-label="The figures of the table below as columns" '
        'data-type="bar" data-value="{}" data-options="{}" height="260"></canvas></div>',
        json.dumps({"labels": list(labels), "datasets": datasets}),
        json.dumps(options),
    )
