"""The bulk of the day as numbers: payments, their lifecycles, and the copies of their events.

Everything here is numeric and cheap to hold; `demo.render` turns it into text when it is written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from demo.hashing import Ints, pick
from demo.settings import (
    MICROSECONDS_PER_HOUR,
    MICROSECONDS_PER_SECOND,
    IncidentSettings,
    microseconds,
)
from demo.traits import BIT

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Columns = dict[str, npt.NDArray[np.generic]]

EVENT_TYPES = ("authorized", "captured", "refunded", "chargeback")
AUTHORIZED, CAPTURED, REFUNDED, CHARGEBACK = range(4)
KINDS = ("original", "stray_copy", "incident_copy")
ORIGINAL, STRAY_COPY, INCIDENT_COPY = range(3)
CURRENCIES = ("USD", "EUR", "GBP", "JPY")
JPY = CURRENCIES.index("JPY")
CURRENCY_BY_PERCENT = np.repeat(np.arange(4), (55, 25, 12, 8))
HOSTS = 400

# Total copies of an affected event are 2 to 5.
EXTRA_COPIES = (1, 2, 3, 4)
EXTRA_COPIES_SHARE = (0.4, 0.3, 0.2, 0.1)

CAPTURED_SHARE = 0.90
SPLIT_CAPTURE_SHARE = 0.05
UNDER_CAPTURE_SHARE = 0.03
# Of captured payments; some of these would happen after the day and are left out.
REFUNDED_SHARE = 0.065
CHARGEBACK_SHARE = 0.0075

MINUTE_SECONDS = 60.0
LATE_SECONDS = 2 * 3600.0
STRAGGLER_SECONDS = (3 * 3600.0, 30 * 3600.0)
MAX_USUAL_DELAY_SECONDS = 55.0
# A repeat starts this much later than the one before it, and may still overtake it.
REPEAT_US = 4 * MICROSECONDS_PER_SECOND

# What tells one kind of hash from another.
SALT_CURRENCY, SALT_HOST = 1, 2

NULL_TRAITS = (
    "null_payment_id",
    "null_event_type",
    "null_amount_cents",
    "null_currency",
    "null_event_ts",
)


@dataclass(frozen=True)
class Traffic:
    """How payments are spread over the day and over merchants."""

    grid_us: Ints
    share_before: Floats
    merchant_share_up_to: Floats

    @classmethod
    def of(cls, settings: IncidentSettings) -> Traffic:
        """Build the diurnal curve by minute and the merchants' skewed popularity."""
        start = microseconds(settings.start)
        minutes = np.arange(settings.hours * 60 + 1)
        hour_of_day = (settings.start.hour + minutes / 60) % 24
        rate = 1 + 0.7 * np.cos((hour_of_day - 15) / 24 * 2 * np.pi)
        share = np.concatenate(([0.0], np.cumsum(rate[:-1]))) / rate[:-1].sum()
        popularity = 1 / np.arange(1, settings.merchants + 1) ** 1.05
        return cls(
            grid_us=start + minutes * 60 * MICROSECONDS_PER_SECOND,
            share_before=share,
            merchant_share_up_to=np.cumsum(popularity) / popularity.sum(),
        )

    def share_until(self, moment_us: int) -> float:
        """Return the share of the day's payments that start before a moment."""
        return float(np.interp(moment_us, self.grid_us, self.share_before))

    def draw_merchants(self, rng: np.random.Generator, count: int) -> Ints:
        """Return merchants at random, each as often as it is popular."""
        drawn = np.searchsorted(self.merchant_share_up_to, rng.random(count))
        # The shares may add up to a hair less than one.
        return np.minimum(drawn, len(self.merchant_share_up_to) - 1)


def currency_of_merchant(merchant: Ints, seed: int) -> Ints:
    """Return the one currency of each merchant, as an index into `CURRENCIES`."""
    return CURRENCY_BY_PERCENT[pick(merchant, 100, seed, SALT_CURRENCY)].astype(np.int64)


def host_of_event(event: Ints, seed: int) -> Ints:
    """Return the host that emits each event."""
    return pick(event, HOSTS, seed, SALT_HOST)


def faulty_hosts(settings: IncidentSettings) -> int:
    """Return how many hosts, counted from 0, run the faulty version during the incident."""
    return round(settings.incident_share * HOSTS)


def draw_events(
    settings: IncidentSettings,
    traffic: Traffic,
    rng: np.random.Generator,
    payments: Ints,
    first_us: int,
    end_us: int,
) -> Columns:
    """Return the events of payments that start in [first, end), those inside the day only."""
    started = _draw_starts(traffic, rng, len(payments), first_us, end_us)
    merchant = traffic.draw_merchants(rng, len(payments))
    unit = np.where(currency_of_merchant(merchant, settings.seed) == JPY, 100, 1)
    amount = np.maximum(np.round(rng.lognormal(np.log(4500), 1.1, len(payments))), 50)
    # Yen have no cents, so their amounts are whole hundreds.
    amount = (amount * np.where(unit == 100, 150, 1) // unit).astype(np.int64) * unit

    fate = _draw_fates(settings, rng, len(payments))
    amount = np.where(fate["twin"], np.maximum(amount // (2 * unit), 1) * 2 * unit, amount)
    parts = _lifecycle(rng, fate, started, amount, unit)
    order = np.concatenate([part[0] for part in parts])
    events: Columns = {
        "payment": payments[order],
        "merchant": merchant[order],
        "type": np.concatenate([np.full(len(part[0]), part[1]) for part in parts]),
        "amount": np.concatenate([part[2] for part in parts]),
        "emitted": np.concatenate([part[3] for part in parts]),
        "flags": np.concatenate([np.full(len(part[0]), part[4]) for part in parts]),
    }
    events["flags"] = np.where(fate["no_op"][order], BIT["no_op"], 0) | events["flags"]
    inside = events["emitted"].astype(np.int64) < microseconds(settings.end)
    return {name: values[inside] for name, values in events.items()}


def _draw_starts(
    traffic: Traffic, rng: np.random.Generator, count: int, first_us: int, end_us: int
) -> Ints:
    low, high = traffic.share_until(first_us), traffic.share_until(end_us)
    shares = np.sort(rng.uniform(low, high, count))
    moments = np.interp(shares, traffic.share_before, traffic.grid_us.astype(np.float64))
    # Interpolating in floating point leaves the microseconds coarse, so they are drawn anew.
    moments_us = moments.astype(np.int64) // 1000 * 1000 + rng.integers(0, 1000, count)
    inside: Ints = np.clip(moments_us, first_us, end_us - 1)
    return inside


def _draw_fates(
    settings: IncidentSettings, rng: np.random.Generator, count: int
) -> dict[str, Bools]:
    captured = rng.random(count) < CAPTURED_SHARE
    way = rng.random(count)
    twin = captured & (way < settings.twin_rate)
    split = captured & ~twin & (way > 1 - SPLIT_CAPTURE_SHARE)
    under = captured & ~twin & ~split & (way > 1 - SPLIT_CAPTURE_SHARE - UNDER_CAPTURE_SHARE)
    refunded = captured & (rng.random(count) < REFUNDED_SHARE)
    chargeback = captured & ~refunded & (rng.random(count) < CHARGEBACK_SHARE)
    # Without op nothing would tell twins apart, so they always carry it.
    no_op = ~twin & (rng.random(count) < settings.no_op_rate)
    return {
        "captured": captured,
        "twin": twin,
        "split": split,
        "under": under,
        "refunded": refunded,
        "chargeback": chargeback,
        "no_op": no_op,
    }


def _lifecycle(
    rng: np.random.Generator,
    fate: dict[str, Bools],
    started: Ints,
    amount: Ints,
    unit: Ints,
) -> list[tuple[Ints, int, Ints, Ints, int]]:
    """Return the steps of the payments: (payment's position, type, amount, emitted, flags)."""
    count = len(started)
    share = np.where(fate["split"], rng.uniform(0.2, 0.8, count), 1.0)
    share = np.where(fate["under"], rng.uniform(0.6, 0.95, count), share)
    share = np.where(fate["twin"], 0.5, share)
    first = np.maximum(np.round(amount * share / unit), 1).astype(np.int64) * unit
    quick = rng.lognormal(np.log(240), 1.0, count)
    slow = rng.exponential(2.5 * 3600, count)
    captured_at = started + _us(5 + np.where(rng.random(count) < 0.8, quick, slow))
    second_at = captured_at + np.where(fate["twin"], 0, _us(1 + rng.exponential(3600, count)))
    second = np.where(fate["twin"], first, amount - first)
    has_second = (fate["split"] | fate["twin"]) & (second > 0)
    refund_share = np.where(rng.random(count) < 0.7, 1.0, 0.5)
    refund = np.maximum(np.round(first * refund_share / unit), 1).astype(np.int64) * unit
    refunded_at = captured_at + _us(60 + rng.exponential(3 * 3600, count))
    chargeback_at = captured_at + _us(600 + rng.exponential(4 * 3600, count))

    def step(
        happens: Bools, kind: int, amounts: Ints, moments: Ints, flags: int = 0
    ) -> tuple[Ints, int, Ints, Ints, int]:
        at = np.flatnonzero(happens)
        return at, kind, amounts[at], moments[at], flags

    twin_flag = BIT["equal_business_key"]
    is_twin, is_captured = fate["twin"], fate["captured"]
    return [
        step(np.ones(count, dtype=np.bool_), AUTHORIZED, amount, started),
        step(is_captured & ~is_twin, CAPTURED, first, captured_at),
        step(has_second & ~is_twin, CAPTURED, second, second_at),
        step(is_twin, CAPTURED, first, captured_at, twin_flag),
        step(is_twin, CAPTURED, second, second_at, twin_flag),
        step(fate["refunded"], REFUNDED, refund, refunded_at),
        step(fate["chargeback"], CHARGEBACK, first, chargeback_at),
    ]


def _us(seconds: Floats) -> Ints:
    return (seconds * MICROSECONDS_PER_SECOND).astype(np.int64)


def physical_rows(
    settings: IncidentSettings, rng: np.random.Generator, events: Columns, first_event: int
) -> pa.Table:
    """Return one row per original and per copy, with the moment of arrival."""
    count = len(events["emitted"])
    number = np.arange(first_event, first_event + count, dtype=np.int64)
    emitted = events["emitted"].astype(np.int64)
    in_incident = (emitted >= microseconds(settings.incident_start)) & (
        emitted < microseconds(settings.incident_end)
    )
    faulty = in_incident & (host_of_event(number, settings.seed) < faulty_hosts(settings))
    delay = _usual_delay(rng, count)
    late = _late_delay(rng, count, settings.late_rate, settings.straggler_rate)
    originals: Columns = events | {
        "number": number,
        "faulty": faulty,
        "arrived": emitted + np.where(late > 0, late, delay),
        "event_id": number * 8,
        "delivery": np.zeros(count, dtype=np.int64),
        "key_order": np.zeros(count, dtype=np.int64),
        "number_format": np.zeros(count, dtype=np.int64),
        "kind": np.full(count, ORIGINAL),
        "flags": _with_nulls(settings, rng, events["flags"].astype(np.int64)),
    }
    copies = _copies(settings, rng, originals)
    rows = {name: np.concatenate((originals[name], copies[name])) for name in originals}
    rows["flags"] = rows["flags"].astype(np.int64) | _lateness_flags(settings, rows)
    return pa.table(rows)


def _usual_delay(rng: np.random.Generator, count: int) -> Ints:
    return _us(np.minimum(0.2 + rng.exponential(6.0, count), MAX_USUAL_DELAY_SECONDS))


def _late_delay(
    rng: np.random.Generator, count: int, late_rate: float, straggler_rate: float
) -> Ints:
    """Return the delay of late rows and stragglers, and 0 for the others."""
    fate = rng.random(count)
    late = rng.uniform(MINUTE_SECONDS + 1, LATE_SECONDS, count)
    very_late = rng.uniform(*STRAGGLER_SECONDS, count)
    is_straggler = fate < straggler_rate
    is_late = ~is_straggler & (fate < straggler_rate + late_rate)
    return _us(np.where(is_straggler, very_late, np.where(is_late, late, 0.0)))


def _with_nulls(settings: IncidentSettings, rng: np.random.Generator, flags: Ints) -> Ints:
    bits = np.array([BIT[label] for label in NULL_TRAITS])
    gets_null = rng.random(len(flags)) < settings.incomplete_key_rate
    # A twin with a NULL would say nothing new, and twins should keep equal keys.
    gets_null &= (flags & BIT["equal_business_key"]) == 0
    return flags | np.where(gets_null, bits[rng.integers(0, len(bits), len(flags))], 0)


def _copies(settings: IncidentSettings, rng: np.random.Generator, originals: Columns) -> Columns:
    faulty = originals["faulty"].astype(np.bool_)
    count = len(faulty)
    extra = np.where(
        faulty,
        rng.choice(EXTRA_COPIES, count, p=EXTRA_COPIES_SHARE),
        rng.random(count) < settings.stray_rate,
    ).astype(np.int64)
    repeats_event_id = rng.random(count) < settings.shared_event_id_share
    source = np.repeat(np.arange(count), extra)
    copies = {name: values[source] for name, values in originals.items()}
    nth = np.arange(len(source)) - np.repeat(np.cumsum(extra) - extra, extra) + 1

    variant = rng.random(len(source))
    identical = variant < 0.03
    tie = (variant >= 0.03) & (variant < 0.06)
    reordered = (variant >= 0.06) & (variant < 0.14)
    reformatted = (variant >= 0.14) & (variant < 0.22)
    flags = copies["flags"].astype(np.int64)
    reformatted &= (flags & BIT["null_amount_cents"]) == 0
    shared = (repeats_event_id[source] | identical) & ~tie

    usual = _usual_delay(rng, len(source)) + nth * REPEAT_US
    late = _late_delay(rng, len(source), settings.copy_late_rate, settings.copy_straggler_rate)
    arrived = copies["emitted"].astype(np.int64) + np.where(late > 0, late, usual)
    original_arrived = copies["arrived"].astype(np.int64)
    arrived = np.where(identical | tie, original_arrived, arrived)
    incomplete = _has_any(flags, NULL_TRAITS)
    flags |= np.where(identical, BIT["byte_identical"], 0)
    flags |= np.where(shared, BIT["shared_event_id"], BIT["fresh_event_id"])
    flags |= np.where(tie, BIT["arrival_tie"], 0)
    flags |= np.where(reordered, BIT["key_order"], 0)
    flags |= np.where(reformatted, BIT["number_format"], 0)
    flags |= np.where(~identical & ~reordered & ~reformatted, BIT["volatile_only"], 0)
    flags |= np.where(arrived < original_arrived, BIT["copy_before_original"], 0)
    flags |= np.where(incomplete & ~shared, BIT["unprovable"], 0)
    return copies | {
        "arrived": arrived,
        "event_id": copies["number"].astype(np.int64) * 8 + np.where(shared, 0, nth),
        "delivery": np.where(identical, 0, nth),
        "key_order": np.where(reordered, 1 + nth % 2, 0),
        "number_format": reformatted.astype(np.int64),
        "kind": np.where(copies["faulty"], INCIDENT_COPY, STRAY_COPY),
        "flags": flags,
    }


def _has_any(flags: Ints, labels: tuple[str, ...]) -> Bools:
    found: Bools = (flags & sum(BIT[label] for label in labels)) != 0
    return found


def _lateness_flags(settings: IncidentSettings, rows: Columns) -> Ints:
    arrived = rows["arrived"].astype(np.int64)
    delay = arrived - rows["emitted"].astype(np.int64)
    straggler = delay > 2 * MICROSECONDS_PER_HOUR
    late = ~straggler & (delay > MINUTE_SECONDS * MICROSECONDS_PER_SECOND)
    after = rows["faulty"].astype(np.bool_) & (arrived >= microseconds(settings.incident_end))
    labels = ((straggler, "straggler"), (late, "late"), (after, "after_window"))
    flags = np.zeros(len(arrived), dtype=np.int64)
    for holds, label in labels:
        flags |= np.where(holds, BIT[label], 0)
    return flags
