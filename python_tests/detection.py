"""Simulated days and seconds for window detection, and the two models' files as modules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import util
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from python_tests.warehouse import ROOT

START = datetime(2026, 3, 1)
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
MIN_RATE = 0.02
LATENESS = timedelta(hours=2)
DAY = 1440
SHARE_OF_TYPES = {"authorized": 0.5, "captured": 0.42, "refunded": 0.06, "chargeback": 0.02}

Floats = npt.NDArray[np.float64]


def load_model(name: str) -> ModuleType:
    """A Python model's file as a module: dbt doesn't make it importable."""
    path = ROOT / "models" / "incident" / f"{name}.py"
    spec = util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CANDIDATES = load_model("incident_window_candidates")
WINDOWS = load_model("incident_windows")


class Base(NamedTuple):
    """What is usual: the busiest minute's events, the share of copied ones, and how it varies."""

    peak: int
    share: float
    # coefficient of variation of the share from minute to minute: retries come in bursts
    variation: float = 0.0


class Incident(NamedTuple):
    """From a minute of the day to another, some event types are copied at a share."""

    first: float
    after: float
    share: float
    event_types: Sequence[str] = tuple(SHARE_OF_TYPES)


def day(base: Base, seed: int, incidents: Sequence[Incident] = (), days: int = 1) -> list[Any]:
    """Minutes with diurnal traffic, two hours of a campaign that doubles it, and a quiet hour."""
    random = np.random.default_rng(seed)
    minutes = np.arange(DAY * days)
    volume = base.peak * (1 + 0.7 * np.cos((minutes / 60 - 15) / 12 * np.pi)) / 1.7
    campaign, quiet = random.integers(0, DAY - 120, 2)
    volume[campaign : campaign + 120] *= 2
    volume[quiet : quiet + 60] *= 0.02
    starts = [START + at * MINUTE for at in range(len(minutes))]
    found = []
    for event_type, part in SHARE_OF_TYPES.items():
        events = random.poisson(volume * part)
        copied = random.binomial(events, _varied(random, base, len(minutes)))
        for incident in incidents:
            if event_type in incident.event_types:
                inside = np.clip(np.minimum(minutes + 1, incident.after), minutes, None)
                inside = (inside - np.maximum(minutes, incident.first)).clip(0, 1)
                faulty = random.binomial(events, inside)
                copied += random.binomial(np.minimum(faulty, events - copied), incident.share)
        found += [
            CANDIDATES.Minute(start, event_type, n, k, k)
            for start, n, k in zip(starts, events.tolist(), copied.tolist(), strict=True)
        ]
    return found


def _varied(random: np.random.Generator, base: Base, count: int) -> Floats:
    if base.variation == 0:
        return np.full(count, base.share)
    shape = 1 / base.variation**2
    return np.minimum(random.gamma(shape, base.share / shape, count), 0.5)


def seconds(
    rate: float,
    base_share: float,
    incident_share: float,
    edges: tuple[float, float],
    seed: int,
    length: int = 3600,
    late: float = 0.0,
    wavering: float = 0.0,
    until: float = float("inf"),
) -> tuple[Any, list[Any]]:
    """A candidate as from minutes, and its seconds: events at a rate, copied more between edges.

    Arrivals lag behind events by six seconds on average, so that by arrival the edges are blurred;
    some of them by up to two hours. The incident's share may waver from minute to minute. What
    arrives later than `until` isn't counted.
    """
    random = np.random.default_rng(seed)
    happened = random.uniform(0, length, random.poisson(rate * length))
    delays = 0.2 + random.exponential(6, len(happened))
    if late > 0:
        is_late = random.random(len(happened)) < late
        delays[is_late] = random.uniform(0, LATENESS / SECOND, is_late.sum())
    arrived = happened + delays
    inside = (happened >= edges[0]) & (happened < edges[1])
    shares = np.where(inside, incident_share, base_share)
    if wavering > 0:
        wavers = random.uniform(-wavering, wavering, length // 60 + 1)
        shares += inside * wavers[(happened // 60).astype(int)]
    copied = random.random(len(happened)) < shares
    is_seen = arrived < until
    happened, arrived, copied = happened[is_seen], arrived[is_seen], copied[is_seen]
    minutes = [
        CANDIDATES.Minute(START + int(at) * MINUTE, "captured", int(n), int(k), int(k))
        for at, n, k in zip(*_counted(arrived // 60, copied), strict=True)
    ]
    candidates = CANDIDATES.find_candidates(minutes, MIN_RATE, LATENESS)
    assert len(candidates) == 1, (seed, candidates)
    rows = [row for one in candidates for row in CANDIDATES.as_rows(1, one)]
    names = [name for name, _ in CANDIDATES.COLUMNS]
    order = [names.index(name) for name in WINDOWS.OF_CANDIDATES]
    candidate = WINDOWS.as_candidates([[row[at] for at in order] for row in rows])[0]
    found = []
    for span in {candidates[0].starts, candidates[0].ends}:
        low, high = ((moment - START) / SECOND for moment in span)
        is_read = (arrived >= low) & (arrived < high)
        by_event = np.clip(happened, low - LATENESS / SECOND, high - 1)
        for clock, moments in (("arrival", arrived), ("event", by_event)):
            found += [
                WINDOWS.Second(
                    clock, START + int(at) * SECOND, WINDOWS.Counts(int(n), int(k), int(k))
                )
                for at, n, k in zip(*_counted(moments[is_read] // 1, copied[is_read]), strict=True)
            ]
    return candidate, found


def _counted(buckets: Floats, copied: npt.NDArray[np.bool_]) -> tuple[Any, Any, Any]:
    """Each bucket, its events, and the copied ones."""
    names, places = np.unique(buckets, return_inverse=True)
    return names, np.bincount(places), np.bincount(places, weights=copied)
