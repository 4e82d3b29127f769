"""The cost model on paper: its page is what the code writes, and its figures hang together."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.cost_model import (
    AS_IT_IS,
    CHANGED,
    SCALES,
    SIZES,
    VARIANTS,
    Assumptions,
    Design,
    Step,
    billed_credits,
    catch_up,
    credits_of,
    extra_copies,
    incident,
    incident_credits,
    kept_bytes_by,
    monitoring,
    moves,
    node_seconds,
    partitions,
    payments_kept,
    regular_day,
    regular_run,
    scaled,
    share_of_day,
    touched,
    unclustered_depth,
    warehouse,
    whole_tables,
)
from bench.cost_page import PAGE, page

USUAL = Assumptions()
# More of it, and nothing gets cheaper
DEARER = (
    "history_days",
    "id_bytes",
    "hash_bytes",
    "time_bytes",
    "amount_bytes",
    "merchant_bytes",
    "word_bytes",
    "old_payment_share",
    "straggler_hours",
    "incomplete_share",
    "overtaken_share",
    "merchants",
    "incident_hours",
    "incident_share",
    "incident_copies",
    "differing_share",
    "detection_days",
    "reclustered",
    "serverless_factor",
    "time_travel_days",
    "fail_safe_days",
)
CHEAPER = ("read_rate", "write_rate", "row_rate", "judged_rate", "events_per_payment")
# Wider rows also mean fewer rows in a partition, and a larger partition also has more rows;
# how long a run may take chooses the warehouse, not the work.
# a longer life makes runs read further back, and spreads old payments over more partitions
EITHER_WAY = (
    "events_per_second",
    "bytes_per_day",
    "partition_bytes",
    "payment_life_days",
    "most_run_seconds",
)

factors = st.floats(min_value=1.0, max_value=20.0)
designs = st.sampled_from(VARIANTS)


def costs(a: Assumptions, design: Design) -> list[float]:
    day = regular_day(a, design)
    kept = kept_bytes_by(a, design).values()
    return [
        day.runs,
        day.once_a_day,
        day.monitoring,
        day.clustering,
        incident_credits(a, design),
        *kept,
    ]


def no_less(some: list[float], others: list[float]) -> bool:
    return all(a >= b * (1 - 1e-9) for a, b in zip(some, others, strict=True))


def test_the_committed_page_is_what_the_code_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(USUAL), "Run: python -m bench.cost_model"


def test_the_page_says_that_nothing_was_measured() -> None:
    assert "**Nothing here was measured on an account**" in " ".join(page(USUAL).split())


def test_every_assumption_has_a_unit_and_a_reason_and_is_on_the_page() -> None:
    text = page(USUAL)
    for one in fields(Assumptions):
        assert one.metadata["unit"], one.name
        assert len(one.metadata["reason"]) > 5, one.name
        assert f"| `{one.name}` |" in text


def test_every_assumption_is_known_to_make_it_dearer_or_cheaper() -> None:
    named = (*DEARER, *CHEAPER, *EITHER_WAY)
    assert sorted(named) == sorted(one.name for one in fields(Assumptions))


@given(st.sampled_from(DEARER), factors, designs, st.sampled_from(SCALES))
def test_more_of_what_makes_it_dearer_makes_nothing_cheaper(
    name: str, factor: float, design: Design, scale: float
) -> None:
    a = scaled(USUAL, scale)
    value = getattr(a, name)
    # shares end at one; an hour of arrivals is read whatever is late in it
    more = min(value * factor, 1.0) if name.endswith("_share") else value * factor
    assert no_less(costs(replace(a, **{name: more}), design), costs(a, design))


@given(st.sampled_from(CHEAPER), factors, designs, st.sampled_from(SCALES))
def test_more_of_what_makes_it_cheaper_makes_nothing_dearer(
    name: str, factor: float, design: Design, scale: float
) -> None:
    a = scaled(USUAL, scale)
    more = replace(a, **{name: getattr(a, name) * factor})
    assert no_less(costs(a, design), costs(more, design))


@given(st.floats(min_value=1e-6, max_value=10.0), factors, designs)
def test_more_events_never_cost_less(scale: float, factor: float, design: Design) -> None:
    some, more = scaled(USUAL, scale), scaled(USUAL, scale * factor)
    assert no_less(costs(more, design), costs(some, design))


@given(st.floats(min_value=0.1, max_value=10.0), factors, designs)
def test_more_bytes_are_more_partitions_of_the_same_size(
    scale: float, factor: float, design: Design
) -> None:
    a = scaled(USUAL, scale)
    assert partitions(a, a.bytes_per_day) == a.bytes_per_day / a.partition_bytes
    larger = replace(a, bytes_per_day=a.bytes_per_day * factor)
    assert larger.row_bytes == pytest.approx(a.row_bytes * factor)
    assert unclustered_depth(larger) >= unclustered_depth(a)
    quarantine = "quarantine, until you drop it"
    assert kept_bytes_by(larger, design)[quarantine] >= kept_bytes_by(a, design)[quarantine]


@pytest.mark.parametrize("design", VARIANTS, ids=lambda design: design.name)
@pytest.mark.parametrize("scale", SCALES)
def test_totals_are_the_sums_of_their_rows(scale: float, design: Design) -> None:
    a = scaled(USUAL, scale)
    for steps in (
        regular_run(a, design),
        incident(a, design),
        catch_up(a, design),
        monitoring(a),
        whole_tables(a),
    ):
        assert node_seconds(a, steps) == pytest.approx(sum(node_seconds(a, [one]) for one in steps))
        assert all(min(one.read, one.written, one.rows, one.judged) >= 0 for one in steps)
    day = regular_day(a, design)
    assert day.total == pytest.approx(day.runs + day.once_a_day + day.monitoring + day.clustering)
    assert incident_credits(a, design) == pytest.approx(
        credits_of(node_seconds(a, incident(a, design)))
    )
    assert share_of_day(a, design) == pytest.approx(incident_credits(a, design) / day.total)


@pytest.mark.parametrize("design", VARIANTS, ids=lambda design: design.name)
def test_what_is_said_to_grow_with_history_grows_and_nothing_else_does(design: Design) -> None:
    # beyond the life of a payment, which bounds what is read of its events
    older = replace(USUAL, history_days=USUAL.history_days * 2)

    def steps(a: Assumptions) -> list[Step]:
        return [*regular_run(a, design), *incident(a, design), *monitoring(a), *whole_tables(a)]

    for one, later in zip(steps(USUAL), steps(older), strict=True):
        assert one.name == later.name
        grew = node_seconds(USUAL, [later]) > node_seconds(USUAL, [one]) * (1 + 1e-12)
        assert grew == one.grows, one.name


def test_what_the_page_says_in_words_is_so() -> None:
    for scale in SCALES:
        a = scaled(USUAL, scale)
        run = regular_run(a)
        every = node_seconds(a, run)
        payments = [one for one in run if one.group.startswith("payments")]
        assert node_seconds(a, payments) > every / 2, "payments break first"
        assert warehouse(every, a.most_run_seconds)[1] > 900, "it does not keep up"
    largest = scaled(USUAL, SCALES[-1])
    hourly = VARIANTS[-1]
    assert hourly.runs_per_day == 24
    assert warehouse(node_seconds(USUAL, regular_run(USUAL, CHANGED)), 300)[1] <= 300
    assert warehouse(node_seconds(largest, regular_run(largest, CHANGED)), 300)[1] > 900
    assert warehouse(node_seconds(largest, regular_run(largest, hourly)), 300)[1] < 3600


def test_each_change_makes_a_day_cheaper() -> None:
    cumulative = VARIANTS[: VARIANTS.index(CHANGED) + 1]
    totals = [regular_day(USUAL, design).total for design in cumulative]
    assert cumulative[0] == AS_IT_IS
    assert totals == sorted(totals, reverse=True)


def test_the_units_are_those_that_they_are_said_to_be() -> None:
    an_hour_of_a_node = [Step("", "", read=USUAL.read_rate * 3600)]
    assert credits_of(node_seconds(USUAL, an_hour_of_a_node)) == 1
    assert USUAL.row_bytes * USUAL.events_per_second * 86_400 == pytest.approx(USUAL.bytes_per_day)
    assert AS_IT_IS.hours_read == 2.25
    assert list(SIZES.values()) == [2**power for power in range(10)]


def test_figures_that_can_be_worked_out_by_hand() -> None:
    # 4 hours, 30% of the events, 2.5 copies beyond the first of each
    assert extra_copies(USUAL) == pytest.approx(250_000 * 4 * 3600 * 0.3 * 2.5)
    assert payments_kept(USUAL) == pytest.approx(250_000 * 86_400 * 90 / 2.5)
    wide = next(one for one in regular_run(USUAL) if "wide, twice" in one.name)
    assert wide.read == pytest.approx(2 * 5e12 * 2.25 / 24)
    digests = next(one for one in incident(USUAL) if one.name.startswith("digests"))
    assert digests.read == pytest.approx(payments_kept(USUAL) * (2 * 46 + 16))
    clone, swap = (one for one in incident(USUAL) if one.name == "metadata")
    assert node_seconds(USUAL, [clone, swap]) == 0


@given(st.floats(min_value=1, max_value=1e9), st.floats(min_value=1, max_value=900))
def test_the_warehouse_is_the_smallest_that_is_done_in_time(work: float, most: float) -> None:
    name, seconds = warehouse(work, most)
    assert seconds * SIZES[name] == pytest.approx(work)
    sizes = list(SIZES)
    smaller = sizes[: sizes.index(name)]
    assert all(work / SIZES[one] > most for one in smaller)
    assert seconds <= most or name == sizes[-1]
    assert billed_credits(work, most) >= credits_of(work) * (1 - 1e-9)


@given(st.floats(min_value=0, max_value=1e12), st.floats(min_value=1, max_value=1e9))
def test_no_more_partitions_are_touched_than_there_are_and_than_there_are_keys(
    keys: float, among: float
) -> None:
    assert 0 <= touched(keys, among) <= min(keys, among) * (1 + 1e-9)


def test_moves_are_by_the_largest_first() -> None:
    found = moves(USUAL, ("read_rate", "serverless_factor"), lambda a: regular_day(a).total)
    assert [name for name, _, _ in found] == ["read_rate", "serverless_factor"]
    assert found[0][1] > 1 > found[0][2]
