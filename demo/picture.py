"""The picture of the demo's incident in docs/concepts.md; python -m demo.picture draws it again.

It needs matplotlib, which `make bench` installs.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from bench.plot import STYLE, save
from demo.settings import IncidentSettings

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "incident.svg"
# The table before the repair of the incident, as its swap keeps it
BEFORE = "main_analytics.payments__replaced_inc_2026_001"
CLEAN_COLOUR, COPY_COLOUR, LIGHT_COLOUR = "#2f5d8a", "#b4410e", "#a9b4c2"


@dataclass(frozen=True)
class Incident:
    """What the picture shows: a day of arrivals by 5 minutes, and of captured money by hour."""

    starts: tuple[datetime, ...]
    events: tuple[int, ...]
    copies: tuple[int, ...]
    window_start: datetime
    window_end: datetime
    hours: tuple[datetime, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]

    @classmethod
    def read(cls, warehouse: duckdb.DuckDBPyConnection) -> Incident:
        """From the warehouse that the demo leaves."""
        start = IncidentSettings().start
        day = [start, start + timedelta(hours=IncidentSettings().hours)]
        arrivals = warehouse.execute(
            "select time_bucket(interval 5 minute, arrival_minute) as started, "
            "sum(event_count), sum(copy_count) "
            "from main_incident.incident_duplicate_rate "
            "where arrival_minute >= ? and arrival_minute < ? group by all order by all",
            day,
        ).fetchall()
        window = warehouse.execute(
            "select detected_start, detected_end from main_incident.incident_windows "
            "order by copy_count desc limit 1"
        ).fetchone()
        money = warehouse.execute(
            "select date_trunc('hour', after.first_event_at) as event_hour, "
            "sum(before.captured_cents) / 1e8, sum(after.captured_cents) / 1e8 "
            f"from main_analytics.payments as after join {BEFORE} as before using (payment_id) "
            "where after.currency = 'USD' and after.first_event_at >= ? "
            "and after.first_event_at < ? group by all order by all",
            day,
        ).fetchall()
        if window is None or not arrivals or not money:
            raise SystemExit("There is no incident in this warehouse. Run: make demo")
        starts, events, copies = zip(*arrivals, strict=True)
        hours, before, after = zip(*money, strict=True)
        window_start, window_end = window
        return cls(starts, events, copies, window_start, window_end, hours, before, after)

    @property
    def overstated(self) -> float:
        """Millions of USD that were reported and never captured."""
        return sum(self.before) - sum(self.after)

    @property
    def description(self) -> str:
        """What the file says of itself."""
        return (
            f"The demo's incident: found {self.window_start} to {self.window_end}, "
            f"{self.overstated:.1f} million USD too much"
        )


def draw(shown: Incident, target: Path) -> None:
    """Write the picture as SVG, the same for the same incident."""
    import matplotlib as mpl  # a dependency of the pictures alone
    from matplotlib.dates import DateFormatter
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 6.4), facecolor="white", layout="constrained")
        arrivals, money = figure.subplots(2, 1, sharex=True)
        _draw_arrivals(arrivals, shown)
        _draw_money(money, shown)
        money.xaxis.set_major_formatter(DateFormatter("%H:%M"))
        money.set_xlabel(f"{shown.starts[0]:%d %B %Y}, UTC")
        save(figure, target, shown.description)


def _draw_arrivals(axes: Any, shown: Incident) -> None:
    axes.stackplot(
        shown.starts,
        shown.events,
        shown.copies,
        colors=(LIGHT_COLOUR, COPY_COLOUR),
        labels=("first copies of events", "further copies"),
    )
    top = max(map(sum, zip(shown.events, shown.copies, strict=True))) * 1.28
    for edge in (shown.window_start, shown.window_end):
        axes.axvline(edge, color="black", linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        f"found: {shown.window_start:%H:%M:%S} to {shown.window_end:%H:%M:%S}",
        (shown.window_start + (shown.window_end - shown.window_start) / 2, top * 0.93),
        ha="center",
        weight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )
    axes.set_ylim(0, top)
    axes.set_ylabel("rows in 5 minutes")
    axes.set_title("What arrived, by arrival time", loc="left", weight="bold")
    axes.legend(loc="upper left", frameon=False)


def _draw_money(axes: Any, shown: Incident) -> None:
    hour = timedelta(hours=1)
    edges = (*shown.hours, shown.hours[-1] + hour)
    for amounts, colour, label in (
        (shown.before, COPY_COLOUR, "as it was reported"),
        (shown.after, CLEAN_COLOUR, "after the repair, and in truth"),
    ):
        axes.stairs(amounts, edges, baseline=None, color=colour, linewidth=2, label=label)
    axes.annotate(
        f"{shown.overstated:.1f} million too much",
        (shown.window_start + (shown.window_end - shown.window_start) / 2, max(shown.before)),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        weight="bold",
    )
    axes.set_ylim(0, max(shown.before) * 1.15)
    axes.set_ylabel("million USD an hour")
    axes.set_title(
        "Captured amounts in payments, by hour of a payment's first event",
        loc="left",
        weight="bold",
    )
    axes.legend(loc="upper left", frameon=False)


def main() -> int:
    """Draw the picture of the warehouse that the demo left."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("target/demo"), help="of the demo")
    database = parser.parse_args().folder / "warehouse.duckdb"
    if not database.is_file():
        raise SystemExit(f"{database} is not there. Run: make demo")
    with duckdb.connect(str(database), read_only=True) as warehouse:
        draw(Incident.read(warehouse), PICTURE)
    print(f"{PICTURE} is drawn.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
