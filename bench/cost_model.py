"""What Snowflake would take, on paper: python -m bench.cost_model writes docs/cost_model.md.

Every number comes from the assumptions below and from what the SQL of this package reads and
writes. Nothing of it was measured on an account.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

SCALES = (1, 2, 5, 10)

HOUR, DAY = 3600.0, 86_400.0
MB, GB, TB = 1e6, 1e9, 1e12

DOCS = "https://docs.snowflake.com/en"
PARTITIONS = f"{DOCS}/user-guide/tables-clustering-micropartitions"
WAREHOUSES = f"{DOCS}/user-guide/warehouses-overview"
TOP_K = f"{DOCS}/user-guide/querying-top-k-pruning-optimization"
KEPT_BYTES = f"{DOCS}/user-guide/data-cdp-storage-costs"
MEASURED_READS = (
    "https://cloudsqale.com/2019/05/04/"
    "snowflake-remote-disk-i-o-local-disk-cache-capacity-utilization-and-transfer-rate"
)

# Credits an hour, which are nodes here (WAREHOUSES)
SIZES = {
    "X-Small": 1,
    "Small": 2,
    "Medium": 4,
    "Large": 8,
    "X-Large": 16,
    "2X-Large": 32,
    "3X-Large": 64,
    "4X-Large": 128,
    "5X-Large": 256,
    "6X-Large": 512,
}
LARGEST = "6X-Large"
LEAST_BILLED_SECONDS = 60.0


def _assumed(value: float, unit: str, reason: str) -> Any:
    return field(default=value, metadata={"unit": unit, "reason": reason})


@dataclass(frozen=True)
class Assumptions:
    """Each with its unit and where it comes from; `dataclasses.replace` makes another world."""

    events_per_second: float = _assumed(250_000, "events", "as the business states it")
    bytes_per_day: float = _assumed(
        5 * TB, "bytes", "as the business states it; taken as stored, which is compressed"
    )
    history_days: float = _assumed(90, "days", "what raw and the tables keep; no rule says so")
    partition_bytes: float = _assumed(
        16 * MB,
        "bytes",
        "compressed, as is told everywhere but in Snowflake's documentation: it says 50 to 500 MB "
        f"before compression ([Snowflake]({PARTITIONS}))",
    )
    id_bytes: float = _assumed(16, "bytes", "a random identifier of 128 bits, which can't shrink")
    hash_bytes: float = _assumed(
        20, "bytes", "an MD5 as 32 hexadecimal digits: 16 at the very best"
    )
    time_bytes: float = _assumed(4, "bytes", "a time to the microsecond among its neighbours")
    amount_bytes: float = _assumed(3, "bytes", "a whole number with few digits")
    merchant_bytes: float = _assumed(3, "bytes", "a number in the dictionary of the partition")
    word_bytes: float = _assumed(0.5, "bytes", "type, currency, status: a handful of values")
    events_per_payment: float = _assumed(2.5, "events", "authorized, captured, now and then more")
    payment_life_days: float = _assumed(
        30, "days", "first event to last refund; card chargebacks take up to 120"
    )
    old_payment_share: float = _assumed(
        0.05, "of events", "whose payment began before the lookback, evenly over its life"
    )
    straggler_hours: float = _assumed(
        30, "hours", "the latest event of a run; the demo's; one is enough to bring in its hour"
    )
    incomplete_share: float = _assumed(
        1e-6, "of events", "with a NULL in their key; the demo plants 200 times as many"
    )
    overtaken_share: float = _assumed(
        1e-5, "of events", "of which an earlier copy lands in a later run"
    )
    merchants: float = _assumed(200_000, "merchants", "with an event in each hour; a guess")
    incident_hours: float = _assumed(4, "hours", "the incident of the demo")
    incident_share: float = _assumed(0.3, "of its events", "repeated; the demo's")
    incident_copies: float = _assumed(3.5, "copies", "of a repeated event: 2 to 5, evenly")
    differing_share: float = _assumed(0.02, "of groups", "whose payloads differ; a guess")
    detection_days: float = _assumed(7, "days", "`exactly_once__detection_hours`, 168")
    read_rate: float = _assumed(
        100 * MB,
        "bytes",
        "a node-second of compressed columns; 16 MB cold and 123 MB from its own disk were "
        f"[measured]({MEASURED_READS}) on an X-Large in 2019",
    )
    write_rate: float = _assumed(
        30 * MB, "bytes", "a node-second, compressed; a guess: 10 to 60 MB"
    )
    row_rate: float = _assumed(
        5e6, "rows", "hashed, joined or grouped in a node-second; a guess: 2 to 20 million"
    )
    judged_rate: float = _assumed(
        60_000,
        "groups",
        "judged by Python in a node-second: 15,000 in 1 s on 2 cores here, times 4",
    )
    reclustered: float = _assumed(
        1.5, "times", "that a stored byte is written anew by automatic clustering; a guess"
    )
    serverless_factor: float = _assumed(2, "times", "what a serverless node costs more; a guess")
    time_travel_days: float = _assumed(1, "days", "of permanent tables, unless you set it")
    fail_safe_days: float = _assumed(7, "days", f"of permanent tables ([Snowflake]({KEPT_BYTES}))")
    most_run_seconds: float = _assumed(300, "seconds", "that a 15-minute run may take")

    @property
    def row_bytes(self) -> float:
        """A raw event as stored."""
        return self.bytes_per_day / (self.events_per_second * DAY)

    @property
    def key_bytes(self) -> float:
        """payment_id, type, amount, currency, event time: what tells a complete key."""
        return self.id_bytes + 2 * self.word_bytes + self.amount_bytes + self.time_bytes

    @property
    def place_bytes(self) -> float:
        """The key, from which the view computes the fingerprint, arrival time and event_id."""
        return self.key_bytes + self.time_bytes + self.id_bytes

    @property
    def kept_place_bytes(self) -> float:
        """The same in stg_events_deduplicated: two hashes, two times, event_id."""
        return 2 * self.hash_bytes + 2 * self.time_bytes + self.id_bytes

    @property
    def kept_bytes(self) -> float:
        """A row of stg_events_deduplicated: the event, its fingerprint and its row hash."""
        return self.row_bytes + 2 * self.hash_bytes

    @property
    def counted_bytes(self) -> float:
        """What a curated table reads of an event: the key and the merchant."""
        return self.key_bytes + self.merchant_bytes

    @property
    def payment_bytes(self) -> float:
        """A row of payments: id, merchant, two words, six amounts and counts, two times."""
        words = 2 * self.word_bytes
        return self.id_bytes + self.merchant_bytes + words + 6 * self.amount_bytes + self.pair_bytes

    @property
    def pair_bytes(self) -> float:
        """Two times."""
        return 2 * self.time_bytes

    @property
    def feature_bytes(self) -> float:
        """A row of fraud_features: merchant, hour and about ten numbers."""
        return self.merchant_bytes + self.time_bytes + 10 * self.amount_bytes

    @property
    def decision_bytes(self) -> float:
        """A row of incident_decisions: three hashes, event_id, narrow columns, three words."""
        words = 3 * self.word_bytes
        return 3 * self.hash_bytes + self.place_bytes + self.merchant_bytes + words


@dataclass(frozen=True)
class Design:
    """How the work is cut up. The first is what the code does."""

    name: str
    # whether it can be had without a change of the code
    is_there: bool = True
    runs_per_day: float = 96
    lookback_hours: float = 2
    # None: each run searches all of payments; else older payments wait for one run a day
    recent_days: float | None = None
    # None: each run takes in all stragglers; else later ones wait for one run a day
    latest_hours: float | None = None
    # tests of a run: every so many runs
    runs_per_test: float = 1

    @property
    def hours_read(self) -> float:
        """The lookback and the time since the last run."""
        return self.lookback_hours + DAY / self.runs_per_day / HOUR


def _changed(before: Design, name: str, is_there: bool, **changes: Any) -> Design:
    return replace(before, name=name, is_there=is_there, **changes)


AS_IT_IS = Design("as it is")
DAILY = _changed(AS_IT_IS, "payments older than a day taken in once a day", False, recent_days=1)
TESTED_LESS = _changed(DAILY, "and the tests of a run once an hour", True, runs_per_test=4)
CHANGED = _changed(
    TESTED_LESS, "and events later than 3 hours taken in once a day", False, latest_hours=3
)
VARIANTS = (
    AS_IT_IS,
    DAILY,
    TESTED_LESS,
    CHANGED,
    _changed(CHANGED, "and a lookback of half an hour", True, lookback_hours=0.5),
    _changed(CHANGED, "instead of that: 5 minutes between runs", True, runs_per_day=288),
    _changed(CHANGED, "instead of that: an hour between runs", True, runs_per_day=24),
)


@dataclass(frozen=True)
class Step:
    """One line of work: what of it grows with history is said, not guessed from its size."""

    group: str
    name: str
    read: float = 0.0
    written: float = 0.0
    rows: float = 0.0
    grows: bool = False
    judged: float = 0.0

    def times(self, factor: float) -> Step:
        """The same, so many times."""
        return replace(
            self,
            read=self.read * factor,
            written=self.written * factor,
            rows=self.rows * factor,
            judged=self.judged * factor,
        )


def node_seconds(a: Assumptions, steps: Iterable[Step]) -> float:
    """Reading, writing and computing one after the other, spread over nodes without loss."""
    return sum(
        one.read / a.read_rate
        + one.written / a.write_rate
        + one.rows / a.row_rate
        + one.judged / a.judged_rate
        for one in steps
    )


def credits_of(seconds_of_nodes: float) -> float:
    """A node for an hour is a credit."""
    return seconds_of_nodes / HOUR


def warehouse(seconds_of_nodes: float, most_seconds: float) -> tuple[str, float]:
    """The smallest size that is done in time, and its seconds; the largest if none is."""
    for name, nodes in SIZES.items():
        if seconds_of_nodes / nodes <= most_seconds:
            return name, seconds_of_nodes / nodes
    return LARGEST, seconds_of_nodes / SIZES[LARGEST]


def billed_credits(seconds_of_nodes: float, most_seconds: float) -> float:
    """What a run on that warehouse costs, which is started for it: a minute at the least."""
    name, seconds = warehouse(seconds_of_nodes, most_seconds)
    return credits_of(SIZES[name] * max(seconds, LEAST_BILLED_SECONDS))


def scaled(a: Assumptions, scale: float) -> Assumptions:
    """So many times the events and the bytes."""
    return replace(
        a,
        events_per_second=a.events_per_second * scale,
        bytes_per_day=a.bytes_per_day * scale,
    )


def partitions(a: Assumptions, size: float) -> float:
    """Micro-partitions of so many bytes."""
    return size / a.partition_bytes


def touched(keys: float, among: float) -> float:
    """How many of these partitions hold one of so many keys that lie anywhere (Poisson)."""
    return among * -math.expm1(-keys / among) if among > 0 else 0.0


def incomplete_kept(a: Assumptions) -> float:
    """Kept events with an incomplete key: the clustering key sets them apart."""
    return events_kept(a) * a.incomplete_share


def opened_for_incomplete(a: Assumptions) -> float:
    """Events of all of raw in partitions that hold one with an incomplete key.

    That the other partitions are passed over, by their count of NULLs, is assumed.
    """
    rows = a.partition_bytes / a.row_bytes
    return events_kept(a) * -math.expm1(-a.incomplete_share * rows)


def events_kept(a: Assumptions) -> float:
    """The events of all history."""
    return a.events_per_second * DAY * a.history_days


def payments_kept(a: Assumptions, days: float | None = None) -> float:
    """The payments of all history, or of the last days."""
    kept = a.history_days if days is None else min(days, a.history_days)
    return a.events_per_second * DAY * kept / a.events_per_payment


def unclustered_depth(a: Assumptions) -> float:
    """Partitions that overlap at one event time where rows lie as they arrived, stragglers too."""
    return partitions(a, a.events_per_second * HOUR * a.straggler_hours * a.kept_bytes)


def _payments_step(
    a: Assumptions, group: str, name: str, events: float, days: float | None
) -> Step:
    """The MERGE into payments: every partition that holds a key of these events is written anew."""
    recent = payments_kept(a, 1) * events / (a.events_per_second * DAY)
    life = a.payment_life_days if days is None else min(days, a.payment_life_days)
    # old ones lie evenly over the life of a payment: those beyond the bound wait
    old = events * a.old_payment_share * life / a.payment_life_days
    among = partitions(a, payments_kept(a, life) * a.payment_bytes)
    rewritten = (recent * a.payment_bytes) + touched(old, among) * a.partition_bytes
    computed = (recent + old) * a.payment_bytes
    return Step(
        group,
        name,
        read=payments_kept(a, days) * a.id_bytes + rewritten + computed,
        written=rewritten + computed,
        rows=recent + old,
        grows=days is None,
    )


def _reach(a: Assumptions, days: float | None) -> float:
    """The events from the first event of any payment that is computed again."""
    life = a.payment_life_days if days is None else min(days, a.payment_life_days)
    return a.events_per_second * DAY * min(life, a.history_days)


def _summed(group: str, name: str, steps: Iterable[Step]) -> Step:
    listed = list(steps)
    read, written, rows, judged = (
        sum(getattr(one, measure) for one in listed)
        for measure in ("read", "written", "rows", "judged")
    )
    return Step(group, name, read, written, rows, any(one.grows for one in listed), judged)


def _in_reach(a: Assumptions, design: Design) -> float:
    """The kept events in the hours of event time of which an event arrived."""
    latest = design.latest_hours
    late = a.straggler_hours if latest is None else min(latest, a.straggler_hours)
    return min(a.events_per_second * HOUR * (late + design.hours_read), events_kept(a))


def deduplication(a: Assumptions, design: Design) -> list[Step]:
    """One run of stg_events_deduplicated."""
    group = "deduplicated events"
    arrivals = a.events_per_second * HOUR * design.hours_read
    new = a.events_per_second * DAY / design.runs_per_day
    in_reach = _in_reach(a, design)
    incomplete = incomplete_kept(a)
    overtaken = touched(new * a.overtaken_share, partitions(a, in_reach * a.kept_bytes))
    replaced = overtaken * a.partition_bytes
    return [
        Step(
            group,
            "batch and lookback, narrow: their hours of event time, and the places of copies",
            read=arrivals * (a.key_bytes + a.time_bytes + a.place_bytes),
            rows=2 * arrivals,
        ),
        Step(
            group,
            "batch and lookback, wide, twice: those alone in their place, and ties",
            read=2 * arrivals * a.row_bytes,
            rows=2 * arrivals,
        ),
        Step(
            group,
            "what is kept already in these hours of event time, narrow; incomplete keys anywhere",
            read=(in_reach + incomplete) * a.kept_place_bytes,
            rows=in_reach + incomplete,
            grows=True,
        ),
        Step(
            group,
            "new events, wide: to a temporary table, and from there by the MERGE",
            read=new * a.kept_bytes,
            written=2 * new * a.kept_bytes,
            rows=2 * new,
        ),
        Step(
            group,
            "the MERGE: fingerprints of these hours; partitions of overtaken copies written anew",
            read=(in_reach + incomplete) * (a.hash_bytes + a.time_bytes) + replaced,
            written=replaced,
            rows=in_reach + incomplete,
            grows=True,
        ),
    ]


def deduplication_test(a: Assumptions, design: Design) -> Step:
    """assert_deduplicated_conserves_events and assert_every_event_is_identified."""
    arrivals = a.events_per_second * HOUR * design.hours_read
    in_reach = _in_reach(a, design)
    kept = in_reach + incomplete_kept(a)
    narrow = 2 * (a.key_bytes + a.time_bytes)
    return Step(
        "deduplicated events, tested",
        "no event lost: copies in raw and what is kept, in these hours; ties of the lookback, wide",
        read=in_reach * a.place_bytes
        + kept * a.kept_place_bytes
        + arrivals * (narrow + a.row_bytes),
        rows=in_reach + kept + 2 * arrivals,
        grows=True,
    )


def regular_run(a: Assumptions, design: Design = AS_IT_IS) -> list[Step]:
    """What one run of the selector `fifteen_minute` reads and writes, read off its SQL."""
    recent = design.recent_days
    arrivals = a.events_per_second * HOUR * design.hours_read
    in_reach = _in_reach(a, design)
    key_and_time = a.key_bytes + a.time_bytes
    searched = payments_kept(a, recent)
    events = _reach(a, recent)
    features = a.merchants * in_reach / (a.events_per_second * HOUR)
    tests = 1 / design.runs_per_test
    second, third = "payments", "fraud_features"
    return [
        *deduplication(a, design),
        Step(
            second,
            "keys of the batch and the lookback, three times",
            read=3 * arrivals * key_and_time,
            rows=3 * arrivals,
        ),
        Step(
            second,
            "these keys searched in payments, twice, for the first event; arrivals of the hours",
            read=2 * searched * (a.id_bytes + a.time_bytes) + in_reach * a.pair_bytes,
            grows=recent is None,
        ),
        Step(
            second,
            "events from the first event of any of these payments on, narrow",
            read=events * a.counted_bytes,
            rows=events,
        ),
        _payments_step(
            a,
            second,
            "the MERGE: keys searched once more; partitions with one of them written anew",
            arrivals,
            recent,
        ),
        Step(
            third,
            "keys of the batch and the lookback, twice; events of their hours, narrow",
            read=2 * arrivals * (key_and_time + a.merchant_bytes) + in_reach * a.counted_bytes,
            rows=2 * arrivals + in_reach,
        ),
        Step(
            third,
            "the MERGE: keys searched; the hours of event time written anew",
            read=2 * features * a.feature_bytes
            + a.merchants * 24 * a.history_days * (a.merchant_bytes + a.time_bytes),
            written=2 * features * a.feature_bytes,
            rows=features,
            grows=True,
        ),
        deduplication_test(a, design).times(tests),
        Step(
            f"{second}, tested",
            "payments match their events: keys, two searches, events from their first on",
            read=2 * arrivals * key_and_time
            + searched * (2 * a.id_bytes + a.time_bytes + 6 * a.amount_bytes)
            + events * a.counted_bytes,
            rows=2 * arrivals + events,
            grows=recent is None,
        ).times(tests),
        Step(
            f"{third}, tested",
            "fraud_features match their events: keys, and events of their hours",
            read=2 * arrivals * key_and_time + in_reach * a.counted_bytes,
            rows=2 * arrivals + in_reach,
        ).times(tests),
    ]


def catch_up(a: Assumptions, design: Design) -> list[Step]:
    """The one run a day that takes in what the others left; none as it is."""
    steps = []
    group = "once a day"
    day = a.events_per_second * DAY
    if design.recent_days is not None:
        events = _reach(a, None)
        steps += [
            Step(
                group,
                "old payments: keys of a day, a search in payments, events from their first on",
                read=day * (a.key_bytes + a.time_bytes)
                + payments_kept(a) * (a.id_bytes + a.time_bytes)
                + events * a.counted_bytes,
                rows=day + events,
                grows=True,
            ),
            _payments_step(a, group, "old payments: the MERGE", day, None),
        ]
    if design.latest_hours is not None:
        in_reach = min(a.events_per_second * HOUR * (24 + a.straggler_hours), events_kept(a))
        read = a.place_bytes + a.kept_place_bytes + a.hash_bytes + 2 * a.counted_bytes
        steps.append(
            Step(
                group,
                "late events: a day's places, what is kept in their hours, fraud_features of these",
                read=in_reach * read,
                rows=3 * in_reach,
            )
        )
    return steps


def monitoring(a: Assumptions) -> list[Step]:
    """A day's build of the selector `monitoring`, read off its SQL: each of its tables once."""
    group = "monitoring"
    watched = min(a.events_per_second * DAY * a.detection_days, events_kept(a))
    in_reach = min(watched + a.events_per_second * HOUR * a.straggler_hours, events_kept(a))
    kept = in_reach + incomplete_kept(a)
    key_and_time = a.key_bytes + a.time_bytes
    recent = payments_kept(a, a.detection_days)
    # a partition of older payments is opened while one of them may still have an event
    opened = payments_kept(a, a.detection_days + a.payment_life_days)
    hours = a.merchants * 24 * a.detection_days
    return [
        Step(
            group,
            "copies by hour of arrival: keys",
            read=watched * key_and_time,
            rows=2 * watched,
        ),
        Step(
            group,
            "raw against what is kept, by event: keys; what is kept of these hours and incomplete",
            read=2 * watched * key_and_time + kept * (a.hash_bytes + a.pair_bytes),
            rows=4 * watched + kept,
            grows=True,
        ),
        Step(
            group,
            "incomplete keys, stragglers, odd times, event types, freshness: keys twice, times",
            read=watched * (2 * a.key_bytes + 6 * a.pair_bytes + a.word_bytes),
            rows=7 * watched,
        ),
        Step(
            group,
            "no key is held twice: payments and fraud_features of these hours",
            read=opened * a.time_bytes
            + recent * a.id_bytes
            + hours * (a.merchant_bytes + a.time_bytes),
            rows=2 * recent + hours,
        ),
    ]


def whole_tables(a: Assumptions) -> list[Step]:
    """The selector `whole_tables`: each test reads its columns of all history."""
    group = "tests of whole tables"
    hours = a.merchants * 24 * a.history_days
    return [
        Step(
            group,
            "stg_events_deduplicated: fingerprints three times, row hashes twice, a truth value",
            read=events_kept(a) * 5 * a.hash_bytes,
            rows=6 * events_kept(a),
            grows=True,
        ),
        Step(
            group,
            "payments and fraud_features: nearly each column once, their keys twice",
            read=payments_kept(a) * (a.payment_bytes + a.id_bytes)
            + hours * (a.feature_bytes + a.merchant_bytes + a.time_bytes),
            rows=8 * payments_kept(a) + 11 * hours,
            grows=True,
        ),
    ]


def clustering(a: Assumptions) -> Step:
    """A day of automatic clustering of stg_events_deduplicated, in bytes that it moves."""
    moved = a.events_per_second * DAY * a.kept_bytes * a.reclustered
    return Step("automatic clustering", "by the hour of event time", read=moved, written=moved)


@dataclass(frozen=True)
class Days:
    """Credits of a regular day by what they are for; the total is their sum."""

    runs: float
    once_a_day: float
    monitoring: float
    clustering: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.runs + self.once_a_day + self.monitoring + self.clustering


def regular_day(a: Assumptions, design: Design = AS_IT_IS) -> Days:
    """Every run on the smallest warehouse that is done in time."""
    run = node_seconds(a, regular_run(a, design))
    return Days(
        runs=design.runs_per_day * billed_credits(run, a.most_run_seconds),
        once_a_day=credits_of(node_seconds(a, catch_up(a, design))),
        monitoring=credits_of(node_seconds(a, monitoring(a))),
        clustering=credits_of(node_seconds(a, [clustering(a)])) * a.serverless_factor,
    )


def extra_copies(a: Assumptions) -> float:
    """Copies of the incident beyond the first of each event."""
    repeated = a.events_per_second * HOUR * a.incident_hours * a.incident_share
    return repeated * (a.incident_copies - 1)


def removed_bytes(a: Assumptions) -> float:
    """The quarantine: whole rows, three hashes, and why."""
    return extra_copies(a) * (a.row_bytes + 3 * a.hash_bytes + 3 * a.word_bytes + 2 * a.time_bytes)


def quarantined_hours(a: Assumptions, design: Design) -> float:
    """Hours of arrival that hold a copy to remove: the window, and late copies after it."""
    return a.incident_hours + design.lookback_hours


def incident(a: Assumptions, design: Design = AS_IT_IS) -> list[Step]:
    """What finding and repairing the incident reads and writes, read off its SQL."""
    rate = a.events_per_second
    hourly, extra = rate * HOUR, extra_copies(a)
    scope_hours = a.incident_hours + 2 * design.lookback_hours
    in_window = hourly * (a.incident_hours + design.lookback_hours)
    in_reach = hourly * (scope_hours + a.straggler_hours) + extra
    groups = extra / (a.incident_copies - 1)
    decided = groups * a.incident_copies
    arrivals = hourly * design.hours_read
    key_and_time = a.key_bytes + a.time_bytes
    incomplete = opened_for_incomplete(a)
    payments = payments_kept(a)
    taken_in = [*deduplication(a, design), deduplication_test(a, design)]
    # the payments of the incident began up to a life before it
    events = _reach(a, None)
    features = a.merchants * (scope_hours + a.straggler_hours)
    detected = rate * DAY * a.detection_days + hourly * a.incident_hours + extra
    edges = 2 * hourly * 2 * design.lookback_hours
    sliced = hourly * quarantined_hours(a, design) + extra
    return [
        _summed("detection", "what has arrived is deduplicated and tested, as in a run", taken_in),
        Step(
            "detection",
            "copies per minute of a week, narrow; per second around the edges",
            read=detected * (key_and_time + a.word_bytes) + edges * a.place_bytes,
            rows=2 * detected + edges,
        ),
        Step(
            "detection",
            "groups: event times in scope, copies where one repeats; keys with a NULL anywhere",
            read=in_reach * a.time_bytes
            + (in_reach + incomplete) * (a.place_bytes + a.merchant_bytes),
            rows=2 * in_reach + incomplete,
            grows=True,
        ),
        Step(
            "decisions",
            "payloads of all groups, twice, whether they differ; the few that do, judged",
            read=2 * in_reach * (a.key_bytes + a.row_bytes - a.place_bytes),
            rows=2 * in_reach + decided,
            judged=groups * a.differing_share,
        ),
        Step(
            "decisions",
            "row hashes of all copies of groups, wide; keys with a NULL anywhere; decisions",
            read=(in_reach + incomplete) * a.row_bytes,
            written=decided * a.decision_bytes,
            rows=in_reach + incomplete + 3 * decided,
            grows=True,
        ),
        Step(
            "decisions",
            "the audit snapshot: staged, then written",
            read=3 * decided * a.decision_bytes,
            written=2 * decided * a.decision_bytes,
            rows=2 * decided,
        ),
        Step(
            "impact",
            "by country and cause, wide; by merchant, hour, type; false alerts",
            read=(in_reach + incomplete) * a.row_bytes
            + in_window * a.kept_bytes
            + (in_window + extra) * a.row_bytes
            + 4 * decided * a.decision_bytes
            + in_reach * (a.place_bytes + a.counted_bytes),
            rows=3 * in_reach + incomplete + in_window + extra + 5 * decided,
            grows=True,
        ),
        Step(
            "impact",
            "in the curated tables: two searches in payments, events from their first on",
            read=payments * (2 * a.id_bytes + a.time_bytes + a.amount_bytes)
            + events * a.counted_bytes
            + 2 * in_reach * a.place_bytes,
            rows=2 * in_reach + events,
            grows=True,
        ),
        Step(
            "impact",
            "totals of payments, five columns whole, before and after",
            read=2 * payments * 5 * a.amount_bytes,
            rows=2 * payments,
            grows=True,
        ),
        Step(
            "plan",
            "what the candidates will read, counted",
            read=2 * (in_reach + arrivals) * a.place_bytes
            + payments * (a.id_bytes + a.time_bytes)
            + (events + in_reach) * a.counted_bytes,
            rows=2 * (in_reach + arrivals) + events + in_reach,
            grows=True,
        ),
        Step("clone", "metadata"),
        _summed("candidate", "what has arrived is deduplicated and tested, as in a run", taken_in),
        Step(
            "candidate",
            "keys of the groups and of the lookback, five times; two searches in payments",
            read=5 * (in_reach + arrivals) * a.place_bytes
            + 2 * payments * (a.id_bytes + a.time_bytes),
            rows=5 * (in_reach + arrivals),
            grows=True,
        ),
        Step(
            "candidate",
            "events from the first event of any of these payments on, narrow",
            read=events * a.counted_bytes,
            rows=events,
        ),
        _payments_step(
            a,
            "candidate",
            "the MERGE into payments",
            arrivals + hourly * a.incident_hours * a.incident_share,
            None,
        ),
        Step(
            "candidate",
            "fraud_features: events of their hours; their hours written anew",
            read=in_reach * a.counted_bytes + 2 * features * a.feature_bytes,
            written=2 * features * a.feature_bytes,
            rows=in_reach + features,
        ),
        Step(
            "candidate",
            "its tests: each column of payments, and payments against their events",
            read=payments * (a.payment_bytes + 2 * a.id_bytes + a.time_bytes + 6 * a.amount_bytes)
            + events * a.counted_bytes
            + in_reach * a.counted_bytes,
            rows=payments + events + in_reach,
            grows=True,
        ),
        Step(
            "checks",
            "digests of live and candidate, whole; one row a key",
            read=payments * (2 * a.payment_bytes + a.id_bytes),
            rows=3 * payments,
            grows=True,
        ),
        Step(
            "checks",
            "totals of the repaired rows: keys, three searches; their events, twice for payments",
            read=3 * payments * (a.id_bytes + a.time_bytes)
            + 2 * events * a.counted_bytes
            + in_reach * (a.counted_bytes + 3 * a.place_bytes + 2 * a.hash_bytes)
            + 4 * arrivals * a.place_bytes,
            rows=2 * events + 5 * in_reach + 4 * arrivals,
            grows=True,
        ),
        Step("swap", "metadata"),
        Step(
            "swap",
            "the digest of live after it, whole",
            read=payments * a.payment_bytes,
            rows=payments,
            grows=True,
        ),
        Step(
            "raw quarantine",
            "its hours of arrival, whole, five times: check, put away, delete, two digests",
            read=5 * sliced * a.row_bytes,
            rows=3 * sliced + 2 * extra,
        ),
        Step(
            "raw quarantine",
            "copies written away; what stays of these hours written anew",
            written=removed_bytes(a) + (sliced - extra) * a.row_bytes,
        ),
    ]


def incident_credits(a: Assumptions, design: Design = AS_IT_IS) -> float:
    """All of it, on a warehouse that is up for nothing else."""
    return credits_of(node_seconds(a, incident(a, design)))


def share_of_day(a: Assumptions, design: Design = AS_IT_IS) -> float:
    """Credits of the incident by those of a regular day."""
    return incident_credits(a, design) / regular_day(a, design).total


FOUND_BEFOREHAND = ("detection", "decisions", "impact", "plan")


def repair_share(a: Assumptions, design: Design = AS_IT_IS) -> float:
    """The same without what remediation_plan leaves out too: detection, decisions, impact, plan."""
    steps = [one for one in incident(a, design) if one.group not in FOUND_BEFOREHAND]
    return credits_of(node_seconds(a, steps)) / regular_day(a, design).total


def kept_bytes_by(a: Assumptions, design: Design = AS_IT_IS) -> dict[str, float]:
    """Storage beyond the tables themselves."""
    days = a.time_travel_days + a.fail_safe_days
    arrivals = a.events_per_second * HOUR * design.hours_read
    merge = _payments_step(a, "", "", arrivals, design.recent_days)
    replaced = merge.written * design.runs_per_day
    replaced += sum(one.written for one in catch_up(a, design))
    sliced = a.events_per_second * HOUR * quarantined_hours(a, design) + extra_copies(a)
    return {
        "quarantine, until you drop it": removed_bytes(a),
        "raw partitions that the quarantine replaced, while Time Travel and Fail-safe last": (
            sliced * a.row_bytes
        ),
        "partitions of `payments` that a day's runs replaced, times the days that they are kept": (
            replaced * days
        ),
        "partitions of `stg_events_deduplicated` that clustering replaced (transient: a day)": (
            clustering(a).written * a.time_travel_days
        ),
    }


def moves(
    a: Assumptions, names: Iterable[str], figure: Callable[[Assumptions], float]
) -> list[tuple[str, float, float]]:
    """What a figure is, as a multiple, where an assumption is halved and where it is doubled."""
    base = figure(a)
    found = []
    for name in names:
        value = getattr(a, name)
        half, double = (replace(a, **{name: value * factor}) for factor in (0.5, 2.0))
        found.append((name, figure(half) / base, figure(double) / base))
    return sorted(found, key=lambda one: -max(abs(math.log(one[1])), abs(math.log(one[2]))))


def main() -> int:
    """Write the page."""
    from bench.cost_page import PAGE, page  # it imports this module

    PAGE.write_text(page(Assumptions()), encoding="utf-8")
    print(f"{PAGE} is written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
