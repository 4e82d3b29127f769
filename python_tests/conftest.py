"""What the tests share: the project, parsed once per worker, and empty warehouses."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from python_tests.warehouse import ROOT, Project, Warehouse

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


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This repository's dbt project."""
    return Project(ROOT, tmp_path_factory.mktemp("project"))


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
