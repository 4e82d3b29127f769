"""The page of the cost model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path

from bench.cost_model import (
    AS_IT_IS,
    CHANGED,
    DAY,
    GB,
    HOUR,
    LARGEST,
    MB,
    PARTITIONS,
    SCALES,
    SIZES,
    TB,
    TOP_K,
    VARIANTS,
    WAREHOUSES,
    Assumptions,
    Design,
    Step,
    credits_of,
    events_kept,
    incident,
    incident_credits,
    kept_bytes_by,
    moves,
    node_seconds,
    opened_for_incomplete,
    partitions,
    payments_kept,
    quarantined_hours,
    regular_day,
    regular_run,
    repair_share,
    scaled,
    share_of_day,
    unclustered_depth,
    warehouse,
    whole_tables,
)

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cost_model.md"
LABELS = ((AS_IT_IS, "as it is"), (CHANGED, "changed"))
INCIDENT_WAREHOUSE = "5X-Large"
HISTORIES = (30.0, 90.0, 365.0)
LIMIT, TARGET = 0.20, 0.05
# Whatever is less sure than a column's width or a documented rate
UNCERTAIN = (
    "read_rate",
    "write_rate",
    "row_rate",
    "payment_life_days",
    "old_payment_share",
    "history_days",
    "straggler_hours",
    "incomplete_share",
    "id_bytes",
    "events_per_payment",
    "reclustered",
)


TEMPLATE = """\
# Cost on Snowflake, on paper

Written by `python -m bench.cost_model`; the code is `bench/cost_model.py`. **Nothing here was
measured on an account**: what the SQL of this package reads and writes is multiplied with
[assumptions](#assumptions). It shows what is dear and what breaks first; a figure that is right to
a factor of two is luck. What was measured is in [performance](performance.md): on DuckDB, and
without payments that live for weeks.

- **As it is, the 15-minute run does not keep up at {rate} events a second.** It takes {run} on the
  largest warehouse, a {largest}, and {run_grows} of that grows with history.
- With the changes [below](#what-breaks-first-and-what-to-change), {not_there} of which are not in
  the code, it takes {changed_run} on a {changed_size}. A day then costs {changed_day} credits
  instead of {day}.
- The {hours}-hour incident takes {incident} credits as it is: {share} of a day (limit {limit},
  target below {target}), but of a day that does not fit into a day. Of a changed day its
  {changed_incident} credits are {changed_share}, **{verdict}**: {incident_grows} of it grows with
  history, and that part has not been changed. Were all of it bounded to the last {detection_days}
  days, it would be {bounded_share}.
- At {last_scale}x a changed run takes {last_run} on a {largest}.

## Volumes

{volumes}
A micro-partition holds {partition} compressed and 50 to 500 MB before that
([Snowflake]({partitions_page})): here {partition_rows} events of {row_bytes} bytes. A batch of 15
minutes is {batch_events} events, {batch_bytes} of them; with the lookback of {lookback} hours
{read_events}, {read_bytes}.

**Clustering.** Rows lie as they arrive, and {straggler_hours} hours of event time arrive at any
moment. So without a clustering key nearly every partition spans all of them, and a look at one
moment opens as many as the last column says. Clustered by the hour of event time, as
`stg_events_deduplicated` is, it opens those of its hour, {partitions_of_hour} at 1x. A finer key
gains nothing, since our bounds are whole hours. That automatic clustering writes each byte
{reclustered} times more is an assumption.

## A 15-minute run, as it is

{run_steps}
One event that is {straggler_hours} hours late brings in its hour, so that each run reads
{hours_in_reach} hours of what is kept. One refund of a payment of {life} days ago makes the run
read the events since then; and the {old_share} of a lookback's events that belong to old payments
lie in nearly every partition of `payments` of these days, which MERGE writes anew.

## A 15-minute run, changed

{changed_steps}
## A day

{days}
The warehouse is the smallest on which a run ends within {most_seconds}, else the largest. [Sizes
and credits]({warehouses_page}) are those of the first generation; a node is what an X-Small has,
and an hour of it is a credit. Work is spread over nodes without loss, which flatters the large
sizes. All of it is proportional to the rate: credits of an event stay what they are, and what ends
is the warehouse.

`monitoring` reads the last {detection_days} days, once a day. The tests of `whole_tables` would
read {whole_read}, for {whole_credits} credits each time, and that grows with history: they are for
tables that are small, and for once in a while.

## The incident: {hours} hours, {incident_share} of the events, {copies} copies of each

{incident_steps}
This is 1x with the changes, which spare the incident one thing only: late events. A clone shares
its storage, and a swap renames: what it reads is to see that live is as checked. Decisions read
the payloads of all groups, to find the {differing} that differ; Python judges those alone. Raw
quarantine rewrites the {sliced_hours} hours of arrival that hold copies. A `remediation_validate`
before that of the swap takes the checks once more.

{incident_parts}
## What grows with history

{history}
- **The checks** read both curated tables whole, for the digests of the ledger and to show that
  nothing else changed ([decision 18](decisions/0018-checks-read-curated-once.md)).
- **Keys in `payments`**: the MERGE, the search for the first event of the keys, and the tests of a
  run compare keys with all of it. Identifiers are taken as random; where they begin with their
  time, Snowflake may pass most partitions over.
- **Events with an incomplete key** may be copies whenever they happened, so that they are looked
  for in every partition that holds one. At one in {one_incomplete} events that is {opened} of the
  partitions of raw; at the demo's rate it is every one.
- Not **the watermark**, the tenth latest arrival of all: it is taken as free, since its query meets
  the conditions of [top-k pruning]({top_k_page}).

## What breaks first, and what to change

{first}
As it is, `payments` breaks first at any scale: its events and keys are spread over the life of
a payment, where all else stays near the present.

Each line keeps the changes of those before it. The one in bold is called *changed* on this page;
the three after it are each a change of that one.

{variants}
- More frequent, smaller batches make it dearer: each reads the lookback and the hours of stragglers
  again.
- At {last_scale}x the largest warehouse is too small for a run in 15 minutes. Then an hour between
  runs, which costs freshness; or several source tables (by region, say), each with models and a
  warehouse of its own, which holds as long as no event is in two of them.
- Payments once a day: today's events of older payments wait, in `payments` alone. It needs a
  clustering key of `payments` by its first event, and a sign by which a new payment is told from an
  old one without a search in all of them: identifiers that begin with their time, or a column with
  the date of the payment. Without one, a refund of an old payment would become a second row of it.
- The share of the incident falls with checks that are bounded as a run is: digests for each day of
  first event, kept with the table, so that days which no repair touched are not read again.

## Storage

{storage}
Time Travel of {time_travel} day and Fail-safe of {fail_safe} are those of permanent tables, which
`payments` is. As a transient table it would keep one day's.

## What moves the result most

A figure, as a multiple of what it is, where an assumption is halved and where it is doubled; what
moves a changed day's credits most comes first.

{sensitivity}
## Assumptions

{assumptions}"""


def page(a: Assumptions) -> str:
    """The page, in Markdown."""
    run, changed, repair = regular_run(a), regular_run(a, CHANGED), incident(a, CHANGED)
    whole = whole_tables(a)
    changed_size, changed_seconds = warehouse(node_seconds(a, changed), a.most_run_seconds)
    last = scaled(a, SCALES[-1])
    recent = replace(a, history_days=a.detection_days)
    day = regular_day(a, CHANGED).total
    bounded = incident_credits(recent, CHANGED) / day
    batch = a.events_per_second * DAY / AS_IT_IS.runs_per_day
    arrivals = a.events_per_second * HOUR * AS_IT_IS.hours_read
    made = VARIANTS[: VARIANTS.index(CHANGED) + 1]
    return TEMPLATE.format(
        rate=f"{a.events_per_second:,.0f}",
        run=_seconds(node_seconds(a, run) / SIZES[LARGEST]),
        largest=LARGEST,
        run_grows=f"{_share_that_grows(a, run):.0%}",
        changed_run=_seconds(changed_seconds),
        changed_size=changed_size,
        changed_day=_credits(day),
        day=_credits(regular_day(a).total),
        hours=f"{a.incident_hours:g}",
        incident=_credits(incident_credits(a)),
        share=f"{share_of_day(a):.1%}",
        limit=f"{LIMIT:.0%}",
        target=f"{TARGET:.0%}",
        changed_incident=_credits(incident_credits(a, CHANGED)),
        changed_share=f"{share_of_day(a, CHANGED):.0%}",
        verdict=_beyond(share_of_day(a, CHANGED)),
        incident_grows=f"{_share_that_grows(a, repair):.0%}",
        detection_days=f"{a.detection_days:g}",
        bounded_share=f"{bounded:.0%}, {_beyond(bounded)}",
        not_there=sum(not one.is_there for one in made),
        last_scale=SCALES[-1],
        last_run=_seconds(node_seconds(last, regular_run(last, CHANGED)) / SIZES[LARGEST]),
        volumes=_volumes(a),
        partition=_size(a.partition_bytes),
        partitions_page=PARTITIONS,
        partition_rows=f"{a.partition_bytes / a.row_bytes:,.0f}",
        row_bytes=f"{a.row_bytes:,.0f}",
        straggler_hours=f"{a.straggler_hours:g}",
        partitions_of_hour=_count(partitions(a, a.events_per_second * HOUR * a.kept_bytes)),
        reclustered=f"{a.reclustered:g}",
        batch_events=_count(batch),
        batch_bytes=_size(batch * a.row_bytes),
        lookback=f"{AS_IT_IS.lookback_hours:g}",
        read_events=_count(arrivals),
        read_bytes=_size(arrivals * a.row_bytes),
        run_steps=_steps(a, run),
        hours_in_reach=f"{a.straggler_hours + AS_IT_IS.hours_read:g}",
        life=f"{a.payment_life_days:g}",
        old_share=f"{a.old_payment_share:.0%}",
        changed_steps=_steps(a, changed),
        days=_days(a),
        whole_read=_size(sum(one.read for one in whole)),
        whole_credits=_credits(credits_of(node_seconds(a, whole))),
        most_seconds=_seconds(a.most_run_seconds),
        warehouses_page=WAREHOUSES,
        incident_share=f"{a.incident_share:.0%}",
        copies=f"{a.incident_copies:g}",
        incident_steps=_steps(a, repair),
        differing=f"{a.differing_share:.0%}",
        sliced_hours=f"{quarantined_hours(a, CHANGED):g}",
        incident_parts=_incident_by_part(a),
        history=_history(a),
        one_incomplete=f"{1 / a.incomplete_share:,.0f}",
        opened=f"{opened_for_incomplete(a) / events_kept(a):.1%}",
        top_k_page=TOP_K,
        first=_first_to_break(a),
        variants=_variants_table(a),
        storage=_storage(a),
        time_travel=f"{a.time_travel_days:g}",
        fail_safe=f"{a.fail_safe_days:g}",
        sensitivity=_sensitivity(a),
        assumptions=_assumptions(a),
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _size(size: float) -> str:
    for name, unit in (("PB", 1000 * TB), ("TB", TB), ("GB", GB), ("MB", MB)):
        if size >= unit:
            digits = max(0, 2 - int(math.log10(size / unit)))
            return f"{size / unit:,.{digits}f} {name}"
    return f"{size:,.3g} B"


def _count(number: float) -> str:
    for name, unit in ((" trillion", 1e12), (" billion", 1e9), (" million", 1e6)):
        if number >= unit:
            return f"{number / unit:,.3g}{name}"
    return f"{number:,.0f}"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} seconds" if seconds < 2 * HOUR else f"{seconds / HOUR:,.1f} hours"


def _credits(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _beyond(share: float) -> str:
    if share > LIMIT:
        return "beyond the limit"
    return "beyond the target, within the limit" if share > TARGET else "within the target"


def _share_that_grows(a: Assumptions, steps: Iterable[Step]) -> float:
    listed = list(steps)
    return node_seconds(a, [one for one in listed if one.grows]) / node_seconds(a, listed)


def _volumes(a: Assumptions) -> str:
    rows = []
    for scale in SCALES:
        b = scaled(a, scale)
        rows.append(
            (
                f"{scale}x",
                f"{b.events_per_second:,.0f}",
                _count(b.events_per_second * DAY),
                _size(b.bytes_per_day),
                _count(partitions(b, b.bytes_per_day)),
                _size(b.bytes_per_day * b.history_days),
                _count(payments_kept(b)),
                _count(unclustered_depth(b)),
            )
        )
    head = (
        "scale",
        "events a second",
        "events a day",
        "stored a day",
        "micro-partitions a day",
        f"raw of {a.history_days:,.0f} days",
        "payments of these",
        "partitions at one event time, unclustered",
    )
    return _table(head, rows)


def _steps(a: Assumptions, steps: Iterable[Step]) -> str:
    listed = list(steps)
    every = node_seconds(a, listed)
    read, written = sum(one.read for one in listed), sum(one.written for one in listed)
    lines = [(one, node_seconds(a, [one])) for one in listed]
    rows = [
        (
            one.group,
            one.name,
            _size(one.read) if one.read else "",
            _size(one.written) if one.written else "",
            f"{spent:,.0f}",
            f"{spent / every:.1%}",
            "yes" if one.grows else "",
        )
        for one, spent in lines
    ]
    rows.append(("**total**", "", _size(read), _size(written), f"{every:,.0f}", "100%", ""))
    head = ("part", "what", "read", "written", "node-seconds", "share", "grows with history")
    return _table(head, rows)


def _verdict(a: Assumptions, design: Design, seconds: float) -> str:
    if seconds > DAY / design.runs_per_day:
        return ", **falls behind**"
    return ", late" if seconds > a.most_run_seconds else ""


def _days(a: Assumptions) -> str:
    rows = []
    for design, label in LABELS:
        for scale in SCALES:
            b = scaled(a, scale)
            run = node_seconds(b, regular_run(b, design))
            size, seconds = warehouse(run, b.most_run_seconds)
            day = regular_day(b, design)
            rows.append(
                (
                    f"{label}, {scale}x",
                    f"{run:,.0f}",
                    size,
                    _seconds(seconds) + _verdict(b, design, seconds),
                    _credits(day.runs),
                    _credits(day.once_a_day) if day.once_a_day else "",
                    _credits(day.monitoring),
                    _credits(day.clustering),
                    _credits(day.total),
                )
            )
    head = (
        "design, scale",
        "node-seconds a run",
        "warehouse",
        "a run takes",
        "credits a day: runs",
        "once a day",
        "monitoring",
        "clustering",
        "total",
    )
    return _table(head, rows)


def _incident_by_part(a: Assumptions) -> str:
    worlds = [scaled(a, scale) for scale in SCALES]
    rows: list[tuple[str, ...]] = []
    for name in dict.fromkeys(one.group for one in incident(a, CHANGED)):
        spent = [
            credits_of(node_seconds(b, [one for one in incident(b, CHANGED) if one.group == name]))
            for b in worlds
        ]
        rows.append((name, *(_credits(one) if one else "0" for one in spent)))
    rows.append(("**total**", *(_credits(incident_credits(b, CHANGED)) for b in worlds)))
    rows.append(("total as it is", *(_credits(incident_credits(b)) for b in worlds)))
    for design, label in LABELS:
        told = f"a day, {label}"
        rows.append((f"share of {told}", *(f"{share_of_day(b, design):.1%}" for b in worlds)))
        rows.append(
            (
                f"share of {told}, without detection, decisions, impact and plan",
                *(f"{repair_share(b, design):.1%}" for b in worlds),
            )
        )
    rows.append(
        (
            f"hours on a {INCIDENT_WAREHOUSE}",
            *(f"{incident_credits(b, CHANGED) / SIZES[INCIDENT_WAREHOUSE]:,.1f}" for b in worlds),
        )
    )
    return _table(("credits", *(f"{scale}x" for scale in SCALES)), rows)


def _sensitivity(a: Assumptions) -> str:
    figures = {
        "credits a day, as it is": lambda b: regular_day(b).total,
        "credits a day, changed": lambda b: regular_day(b, CHANGED).total,
        "credits of the incident, changed": lambda b: incident_credits(b, CHANGED),
        "its share of a day, changed": lambda b: share_of_day(b, CHANGED),
    }
    found = {
        figure: {name: (half, double) for name, half, double in moves(a, UNCERTAIN, of)}
        for figure, of in figures.items()
    }
    ranked = list(found["credits a day, changed"])
    rows = [
        (
            f"`{name}`",
            *(f"{by_name[name][0]:.2f} / {by_name[name][1]:.2f}" for by_name in found.values()),
        )
        for name in ranked
    ]
    return _table(("halved / doubled", *figures), rows)


def _history(a: Assumptions) -> str:
    rows = []
    for days in HISTORIES:
        b = replace(a, history_days=days)
        checks = [one for one in incident(b, CHANGED) if one.group == "checks"]
        rows.append(
            (
                f"{days:,.0f}",
                _size(payments_kept(b) * b.payment_bytes),
                _credits(regular_day(b).total),
                _credits(regular_day(b, CHANGED).total),
                _credits(credits_of(node_seconds(b, checks))),
                _credits(incident_credits(b, CHANGED)),
                f"{share_of_day(b, CHANGED):.1%}",
            )
        )
    head = (
        "days of history",
        "`payments`",
        "credits a day, as it is",
        "changed",
        "credits of the checks",
        "of the incident",
        "its share of a day, changed",
    )
    return _table(head, rows)


def _storage(a: Assumptions) -> str:
    ends = (SCALES[0], SCALES[-1])
    worlds = [
        (f"{label}, {scale}x", kept_bytes_by(scaled(a, scale), design))
        for design, label in LABELS
        for scale in ends
    ]
    rows = [(name, *(_size(kept[name]) for _, kept in worlds)) for name in worlds[0][1]]
    return _table(("kept", *(label for label, _ in worlds)), rows)


def _first_to_break(a: Assumptions) -> str:
    """What a run of each design takes, and for what."""
    lines = []
    for design, label in LABELS:
        for scale in (SCALES[0], SCALES[-1]):
            b = scaled(a, scale)
            steps = regular_run(b, design)
            every = node_seconds(b, steps)
            parts: dict[str, float] = {}
            for one in steps:
                part = one.group.removesuffix(", tested")
                parts[part] = parts.get(part, 0.0) + node_seconds(b, [one]) / every
            ranked = sorted(parts.items(), key=lambda part: -part[1])
            told = ", ".join(f"{part} {share:.0%}" for part, share in ranked)
            size, seconds = warehouse(every, b.most_run_seconds)
            lines.append(
                f"- {label}, {scale}x: {_seconds(seconds)} on a {size}"
                f"{_verdict(b, design, seconds)}. Of it, with their tests: {told}."
            )
    return "\n".join(lines) + "\n"


def _variants_table(a: Assumptions) -> str:
    ends = [scaled(a, scale) for scale in (SCALES[0], SCALES[-1])]
    rows = []
    for design in VARIANTS:
        name = f"**{design.name}**" if design == CHANGED else design.name
        row = [name, "yes" if design.is_there else "no"]
        for b in ends:
            seconds = node_seconds(b, regular_run(b, design)) / SIZES[LARGEST]
            row += [
                _seconds(seconds) + _verdict(b, design, seconds),
                _credits(regular_day(b, design).total),
            ]
        rows.append(row)
    head = (
        "what is changed",
        "can be had today",
        *(
            told
            for scale in (SCALES[0], SCALES[-1])
            for told in (f"{scale}x: a run on a {LARGEST}", "credits a day")
        ),
    )
    return _table(head, rows)


def _assumptions(a: Assumptions) -> str:
    rows = []
    for one in fields(a):
        value, unit = getattr(a, one.name), one.metadata["unit"]
        if unit == "bytes" and value >= MB:
            told = _size(value)
        else:
            told = f"{value:,.7g} {unit}" if value >= 1e-3 else f"{value:.0e} {unit}"
        rows.append((f"`{one.name}`", told, one.metadata["reason"]))
    return _table(("assumption", "value", "where it comes from"), rows)
