"""Law 5: a verb that dies at any statement is finished by the same command, to the same state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from python_tests.faults import Death, StatementLog, Step, deaths, kill, watched
from python_tests.laws import (
    HOUR,
    INCIDENT,
    LEDGER,
    NOON,
    arrive_and_run,
    assert_recorded,
    build_candidate,
    build_replaced,
    contaminate,
    curated_digests,
    decide_again,
    kept_state,
    roll_back_at_once,
)
from python_tests.laws_of_raw import operate, quarantined_rows, raw_rows
from python_tests.warehouse import DbtError, Project, Warehouse


def verb(name: str) -> Step:
    """One of the run-operations as a step."""
    return lambda warehouse: warehouse.operate(name, INCIDENT)


# The steps of a remediation in their order; each is killed in the state that those before it left.
STEPS: Mapping[str, Step] = {
    "remediation_clone": verb("remediation_clone"),
    "candidate_build": build_candidate,
    "remediation_swap": verb("remediation_swap"),
    "raw_quarantine": verb("raw_quarantine"),
    "raw_restore": verb("raw_restore"),
    "replaced_build": build_replaced,
    "remediation_rollback": verb("remediation_rollback"),
    "remediation_retire": verb("remediation_retire"),
}

# Those that take longest and that no reader sees
IN_SOAK = ("remediation_clone", "candidate_build", "raw_restore")

# What happens just before a step, without being killed.
BEFORE: Mapping[str, Step] = {
    "replaced_build": lambda warehouse: arrive_and_run(warehouse, NOON + 24 * HOUR),
}


# Steps off that way: the state that each begins in, what happens before it, and the step.
ASIDE: Mapping[str, tuple[str, Step, Step]] = {
    "a retire of what was replaced": (
        "raw_quarantine",
        lambda _: None,
        verb("remediation_retire"),
    ),
    "a clone in the place of another incident's": (
        "remediation_swap",
        lambda warehouse: decide_again(warehouse, "INC-2"),
        lambda warehouse: operate(warehouse, "remediation_clone", "INC-2", replace_candidates=True),
    ),
    "a rollback that leaves a gap": (
        "raw_quarantine",
        lambda warehouse: arrive_and_run(warehouse, NOON + 24 * HOUR),
        roll_back_at_once,
    ),
}


def undisturbed(before: Warehouse, step: Step, folder: Path) -> tuple[StatementLog, dict[str, str]]:
    """What a step sends that nobody kills, and what it leaves."""
    whole = before.copied(folder / "whole")
    with watched() as log:
        step(whole)
    expected = kept_state(whole)
    assert expected != kept_state(before)
    return log, expected


def nothing(_: Warehouse) -> None:
    """Before most steps."""


def chosen(name: str, log: StatementLog, builds: Mapping[str, str]) -> list[Death]:
    """Every death of a step; of a build in `builds` those at its tables, for the rest is dbt's."""
    return [
        death
        for death in deaths(log)
        if builds.get(name, "") in log.statements[death.place].lower()
    ]


@pytest.fixture(scope="module")
def states(project: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Warehouse]:
    """For each step the warehouse just before it; last, after all of them, as `done`."""
    folder = tmp_path_factory.mktemp("states")
    warehouse = Warehouse(project, folder / "work")
    contaminate(warehouse)
    found = {}
    for name, step in STEPS.items():
        BEFORE.get(name, nothing)(warehouse)
        found[name] = warehouse.copied(folder / name)
        step(warehouse)
    found["done"] = warehouse.copied(folder / "done")
    return found


@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.soak) if n in IN_SOAK else n for n in STEPS]
)
def test_a_step_that_died_at_any_statement_is_finished_by_the_same_command(
    states: dict[str, Warehouse], name: str, part: int, tmp_path: Path
) -> None:
    """Every second death and the last one in each run of the tests, the others in the soak."""
    log, expected = undisturbed(states[name], STEPS[name], tmp_path)
    # the builds differ in the names of their tables: one of them is killed everywhere
    possible = chosen(name, log, {"replaced_build": "__replaced"})
    last = len(possible) - 1
    taken = [one for n, one in enumerate(possible) if n % 2 == part or n == last]
    for warehouse in finished(states[name], STEPS[name], taken, tmp_path):
        assert kept_state(warehouse) == expected
        assert_recorded(warehouse, name)


@pytest.mark.soak
@pytest.mark.parametrize("name", ASIDE)
def test_a_step_aside_that_died_is_finished_by_the_same_command(
    states: dict[str, Warehouse], name: str, tmp_path: Path
) -> None:
    state, prepare, step = ASIDE[name]
    before = states[state].copied(tmp_path / "before")
    prepare(before)
    log, expected = undisturbed(before, step, tmp_path)
    for warehouse in finished(before, step, deaths(log), tmp_path):
        assert kept_state(warehouse) == expected
        assert_recorded(warehouse)


def finished(
    before: Warehouse, step: Step, possible: Iterable[Death], folder: Path
) -> Iterator[Warehouse]:
    """The warehouse after each death of a step, and the step once more."""
    rows = rows_in_raw_and_quarantine(before)
    for number, death in enumerate(possible):
        print(death)  # shown of a test that fails
        warehouse = before.copied(folder / str(number))
        kill(step, warehouse, death)
        assert rows_in_raw_and_quarantine(warehouse) == rows
        step(warehouse)
        yield warehouse
        warehouse.path.unlink()


@pytest.mark.soak
@pytest.mark.parametrize("name", [name for name in STEPS if name != "replaced_build"])
def test_after_a_death_no_other_step_does_harm(
    states: dict[str, Warehouse], name: str, tmp_path: Path
) -> None:
    """Another step is refused, and the first then ends as ever; or it does its work."""
    step = STEPS[name]
    log, expected = undisturbed(states[name], step, tmp_path)
    live = {tables_of_readers(states[one]) for one in with_the_same_arrivals(name)}
    rows = rows_in_raw_and_quarantine(states[name])
    possible = chosen(name, log, {"candidate_build": "__candidate"})
    others = [other for other in STEPS if other != name]
    for number in range(max(len(possible), len(others))):
        death, other = possible[number % len(possible)], others[number % len(others)]
        warehouse = states[name].copied(tmp_path / str(number))
        kill(step, warehouse, death)
        is_refused = not goes(warehouse, other)
        is_done = goes(warehouse, name)
        if is_refused:
            assert is_done, (death, other)
            assert kept_state(warehouse) == expected, (death, other)
        for again in (other, name):
            goes(warehouse, again)
            assert tables_of_readers(warehouse) in live, (death, other, again)
            assert rows_in_raw_and_quarantine(warehouse) == rows
            warehouse.operate("remediation_status", INCIDENT)
            assert_recorded(warehouse)
        warehouse.path.unlink()


def goes(warehouse: Warehouse, name: str) -> bool:
    """Whether a step does its work; if not, it says so itself, and a verb has written nothing."""
    before = kept_state(warehouse), warehouse.digest(LEDGER)
    try:
        STEPS[name](warehouse)
    except DbtError as error:
        said = str(error)
    else:
        return True
    assert "[exactly_once]" in said, name
    if not name.endswith("_build"):
        assert (kept_state(warehouse), warehouse.digest(LEDGER)) == before, name
    return False


def with_the_same_arrivals(name: str) -> list[str]:
    """The states in which readers may not see less than in the one before a step, nor more."""
    names = [*STEPS, "done"]
    arrival = names.index("replaced_build")
    return names[arrival:] if names.index(name) >= arrival else names[:arrival]


def tables_of_readers(warehouse: Warehouse) -> tuple[str, ...]:
    """What dashboards read, by digest."""
    return tuple(curated_digests(warehouse))


def rows_in_raw_and_quarantine(warehouse: Warehouse) -> Counter[str]:
    """Law 2: whatever happens, a row is in the one or in the other."""
    return raw_rows(warehouse) + quarantined_rows(warehouse)


def test_the_steps_can_be_repeated_without_a_trace(
    states: dict[str, Warehouse], tmp_path: Path
) -> None:
    """A verb that is done does nothing, and writes nothing, when it is run again."""
    for name, after in (
        ("remediation_swap", "raw_quarantine"),
        ("raw_quarantine", "raw_restore"),
        ("remediation_retire", "done"),
    ):
        warehouse = states[after].copied(tmp_path / name)
        before = kept_state(warehouse), warehouse.digest("main_audit.remediation_ledger")
        STEPS[name](warehouse)
        assert (kept_state(warehouse), warehouse.digest("main_audit.remediation_ledger")) == before
