"""What the tests share: the project, parsed once per worker, and empty warehouses."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from python_tests import faster_dbt
from python_tests.snowflake_warehouse import SnowflakeProject, SnowflakeWarehouse
from python_tests.warehouse import HISTORIES, ROOT, Project, Warehouse

if TYPE_CHECKING:
    from python_tests.snowflake_simulator import Simulator

settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    # An example takes seconds, and shrinking tries hundreds.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# HYPOTHESIS_PROFILE=search looks for other cases each time and makes those that fail small.
settings.register_profile(
    "search", settings.get_profile("default"), derandomize=False, phases=list(Phase)
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

faster_dbt.install()

# Whoever runs the tests, and where no user is named: bob approves, so he can't be the one.
os.environ["EXACTLY_ONCE_ACTOR"] = "operator"

# Where simulators leave what they were sent, for python_tests/snowflake_statements.py
os.environ["SNOWFLAKE_SIMULATOR_HISTORY"] = str(HISTORIES)


def pytest_configure(config: pytest.Config) -> None:
    """Remove what earlier tests have sent, before the first worker starts."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(HISTORIES, ignore_errors=True)


@pytest.hookimpl(trylast=True)  # of the tests that are left once marks have taken theirs
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its share of the slow tests, else the last waits for one of them.

    Workers begin with equal parts of the list and steal from each other's ends.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    size = len(items) // workers
    items.clear()
    for worker in range(workers):
        share = slow[worker::workers]
        others = len(rest) if worker == workers - 1 else size - len(share)
        items += share + rest[:others]
        del rest[:others]


def manifests(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Path | None:
    """A folder of all processes of this run of the tests, where there are several."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return None
    folder = tmp_path_factory.getbasetemp().parent / f"manifests_{engine}"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This repository's dbt project."""
    return Project(ROOT, tmp_path_factory.mktemp("project"), manifests(tmp_path_factory, "duckdb"))


@pytest.fixture
def new_warehouse(project: Project, tmp_path: Path) -> Callable[..., Warehouse]:
    """Make a warehouse by name; each name has a database of its own."""

    def make(name: str = "one", **options: Any) -> Warehouse:
        return Warehouse(project, tmp_path / name, **options)

    return make


@pytest.fixture
def warehouse(new_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """A warehouse with an empty raw.events."""
    return new_warehouse()


@pytest.fixture(scope="session")
def snowflake_simulator() -> Iterator[Simulator]:
    """One Snowflake simulator for the whole run; a test has a schema of its own in it."""
    # fakesnow and Snowpark take a second to load, which only these tests need
    from python_tests.snowflake_simulator import running_simulator

    with running_simulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def snowflake_project(tmp_path_factory: pytest.TempPathFactory) -> SnowflakeProject:
    """This repository's dbt project, for Snowflake."""
    return SnowflakeProject(
        ROOT, tmp_path_factory.mktemp("snowflake_project"), manifests(tmp_path_factory, "snowflake")
    )


@pytest.fixture
def new_snowflake_warehouse(
    snowflake_project: SnowflakeProject,
) -> Iterator[Callable[..., SnowflakeWarehouse]]:
    """Make a warehouse in a simulator; each has an account of its own."""
    from python_tests.snowflake_simulator import running_simulator

    with ExitStack() as stack:

        def make(**options: Any) -> SnowflakeWarehouse:
            simulator = stack.enter_context(running_simulator())
            made = SnowflakeWarehouse(snowflake_project, simulator, **options)
            return stack.enter_context(closing(made))

        yield make


@pytest.fixture
def snowflake_warehouse(
    new_snowflake_warehouse: Callable[..., SnowflakeWarehouse],
) -> SnowflakeWarehouse:
    """A warehouse in the simulator with an empty raw.events."""
    return new_snowflake_warehouse()
