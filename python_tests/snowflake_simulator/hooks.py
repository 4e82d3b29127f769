"""The only places where fakesnow itself is changed, each with its reason."""

from __future__ import annotations

import atexit
import functools
import shutil
import warnings
from collections.abc import Callable
from typing import Any

import fakesnow.arrow
import fakesnow.info_schema
import fakesnow.macros
import fakesnow.transforms
import fakesnow.transforms.stage
from sqlglot import exp

from python_tests.snowflake_simulator import rewriting, views, wire


@functools.cache
def install() -> None:
    """Change fakesnow, once for the process."""
    # It makes a folder for stages when it is imported, and leaves it.
    atexit.register(shutil.rmtree, fakesnow.transforms.stage.LOCAL_BUCKET_PATH, ignore_errors=True)
    # fakesnow takes Arrow tables in a way that DuckDB 2 advises against.
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
    # A NULL timestamp would arrive as 1970, and only UTC is known.
    fakesnow.arrow.timestamp_to_sf_struct = wire.timestamp_struct
    # It makes every SUM one of doubles, so that a text may be summed; a sum of cents is exact.
    fakesnow.transforms.numeric_agg_implicit_cast = _unchanged
    # Every database needs our macros, and an information schema with owners, comments and views.
    _extend(fakesnow.macros, "creation_sql", rewriting.macros_sql)
    _extend(fakesnow.info_schema, "per_db_creation_sql", views.information_schema_sql)


def _unchanged(expression: exp.Expr) -> exp.Expr:
    return expression


def _extend(module: Any, name: str, more: Callable[[str], str]) -> None:
    original: Callable[[str], str] = getattr(module, name)

    def extended(database: str) -> str:
        return f"{original(database).rstrip().rstrip(';')};\n{more(database)}"

    setattr(module, name, extended)
