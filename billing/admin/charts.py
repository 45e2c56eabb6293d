"""Charts on pages: the figures of a table as columns or lines, drawn by the theme's script."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

_COLOURS = ("var(--color-primary-600)", "var(--color-primary-300)", "var(--color-base-600)", "var(--color-base-400)")


_TEXT = "#7d8796"  # Legible on white and in the dark theme.


def chart_options(*, stacked: bool) -> dict[str, Any]:
    """Give what all charts have in common: they stand still, start at zero, and their labels are upright."""
    ticks = {"maxTicksLimit": 6, "color": _TEXT}
    return {
        "responsive": True,
        "maintainAspectRatio": False,
        "animation": False,
        "plugins": {"legend": {"display": True, "position": "bottom", "labels": {"color": _TEXT}}},
        "scales": {
            "x": {"grid": {"display": False}, "stacked": stacked, "ticks": {"maxRotation": 0, "color": _TEXT}},
            "y": {"beginAtZero": True, "stacked": stacked, "ticks": ticks},
        },
    }


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
    return format_html(
        '<div class="cf-chart"><canvas class="chart" role="img" aria-label="The figures of the table below as columns" '
        'data-type="bar" data-value="{}" data-options="{}" height="260"></canvas></div>',
        json.dumps({"labels": list(labels), "datasets": datasets}),
        json.dumps(chart_options(stacked=True)),
    )
