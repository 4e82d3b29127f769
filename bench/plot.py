"""The picture on the page of the benchmark; python -m bench.plot draws it again from that page."""

from __future__ import annotations

import argparse
import sys
import textwrap
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

from bench import report
from bench.deduplicate import BASELINES, FIND, WRITE
from bench.regular_run import Growth
from bench.remediation import Remediation

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
OURS = "exactly_once"
# Ours stands out by darkness too, not by its hue alone
OUR_COLOUR, PEER_COLOUR = "#b4410e", "#a9b4c2"
LINE_COLOURS = ("#b4410e", "#e08a3c", "#2f5d8a", "#4f9d8f", "#7a5aa6", "#59636e")
MARKERS = "osD^vP"
SMALLEST_FONT = 9
# matplotlib's, for every picture of this repository
STYLE = {
    "svg.hashsalt": OURS,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": SMALLEST_FONT,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@dataclass(frozen=True)
class Bar:
    """How many times the baseline something takes."""

    name: str
    ratio: float
    is_ours: bool


@dataclass(frozen=True)
class Bars:
    """A group of the deduplication, the fastest first."""

    title: str
    bars: tuple[Bar, ...]
    is_log: bool
    ours_does_more: str


@dataclass(frozen=True)
class Lines:
    """Seconds by days of history."""

    title: str
    days: tuple[int, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]


Panels = tuple[Bars, Bars, Lines, Lines]


def panels(figures: report.Figures, growth: Growth, remediations: dict[int, Remediation]) -> Panels:
    """What the picture shows, from what was measured."""
    return (
        Bars(
            "Copies of the incident, found",
            _bars(figures[FIND], BASELINES[FIND]),
            is_log=True,
            ours_does_more="ours decides on each copy and compares payloads",
        ),
        Bars(
            "The clean table, written",
            _bars(figures[WRITE], BASELINES[WRITE]),
            is_log=False,
            ours_does_more="ours writes two hashes more",
        ),
        _lines("The 15-minute run", growth),
        _lines("A remediation, step by step", report.steps_of(remediations)),
    )


def _bars(found: dict[str, dict[str, float]], baseline: str) -> tuple[Bar, ...]:
    least = found[baseline]["seconds"]
    ranked = sorted(found.items(), key=lambda case: case[1]["seconds"])
    return tuple(
        Bar(name, _rounded(one["seconds"] / least), name.startswith(OURS)) for name, one in ranked
    )


def _lines(title: str, growth: Growth) -> Lines:
    days = tuple(sorted(next(iter(growth.values()))))
    series = (
        (name, tuple(_rounded(seconds[one]) for one in days)) for name, seconds in growth.items()
    )
    return Lines(title, days, tuple(series))


def _rounded(number: float) -> float:
    """As the page has it, but never 0, which no logarithmic axis shows."""
    return max(round(number, 2), 0.01)


def description(shown: Panels) -> str:
    """What the file says of itself, by which it is told from the picture of another page."""
    return f"{OURS} {md5(repr(shown).encode()).hexdigest()}"


def draw(shown: Panels, target: Path) -> None:
    """Write the picture as SVG, the same for the same panels."""
    import matplotlib as mpl  # a dependency of the benchmark alone
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 9.6), facecolor="white", layout="constrained")
        find, write, run, remediation = figure.subplots(
            2, 2, gridspec_kw={"height_ratios": (1, 1.25)}
        ).flat
        _draw_bars(find, shown[0])
        _draw_bars(write, shown[1])
        _draw_lines(run, shown[2])
        _draw_lines(remediation, shown[3])
        save(figure, target, description(shown))


def save(figure: Any, target: Path, said: str) -> None:
    """Write a figure as SVG, always alike; `said` is what the file says of itself."""
    metadata = {"Date": None, "Creator": None, "Description": said}
    figure.savefig(target, format="svg", metadata=metadata)
    # matplotlib leaves blanks at the ends of lines
    lines = target.read_text(encoding="utf-8").splitlines()
    target.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def _draw_bars(axes: Any, shown: Bars) -> None:
    left = 0.5 if shown.is_log else 0.0
    for place, bar in enumerate(shown.bars):
        colour = OUR_COLOUR if bar.is_ours else PEER_COLOUR
        axes.barh(place, bar.ratio - left, left=left, height=0.34, color=colour)
        told = f" {bar.ratio:.1f}"
        axes.text(bar.ratio, place, told, va="center", ha="left", color="black")
        # above its bar, where a long name has room
        weight, longest = ("bold", 62) if bar.is_ours else ("normal", 76)
        axes.annotate(
            textwrap.fill(bar.name, longest),
            (0, place - 0.22),
            xycoords=("axes fraction", "data"),
            xytext=(2, 0),
            textcoords="offset points",
            va="bottom",
            weight=weight,
        )
    most = max(bar.ratio for bar in shown.bars)
    axes.set_ylim(len(shown.bars) - 0.6, -0.75)
    axes.set_yticks([])
    if shown.is_log:
        axes.set_xscale("log")
        axes.set_xlim(left, most * 1.8)
        axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    else:
        axes.set_xlim(left, most * 1.12)
    scale = ", log scale" if shown.is_log else ""
    axes.set_xlabel(f"times the baseline{scale}; {shown.ours_does_more}")
    axes.set_title(shown.title, loc="left", weight="bold")


def _draw_lines(axes: Any, shown: Lines) -> None:
    for number, (name, seconds) in enumerate(shown.series):
        axes.plot(
            shown.days,
            seconds,
            label=textwrap.fill(name, 72),
            color=LINE_COLOURS[number % len(LINE_COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            # those that lie on each other are both seen
            linestyle="-" if number % 2 == 0 else (0, (4, 3)),
            markersize=5 + number % 2 * 3,
            markerfacecolor="white" if number % 2 else None,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(shown.days, [str(one) for one in shown.days], minor=False)
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: "")
    axes.grid(axis="y", color="#e3e7ec")
    axes.set_xlabel("days of history, log scale")
    axes.set_ylabel("seconds, log scale")
    axes.set_title(shown.title, loc="left", weight="bold")
    axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.16), frameon=False, borderaxespad=0)


def main() -> int:
    """Draw the picture of a page that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE, help="the page to read")
    page = parser.parse_args().page
    target = page.with_name(report.PICTURE)
    draw(panels(*report.measured_of(page)), target)
    print(f"{target} is drawn.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
