"""DuckDB functions that are written in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def define(
    connection: Any,  # DuckDB's types have no name for null_handling
    name: str,
    function: Callable[..., Any],
    takes: list[str],
    gives: str,
    *,
    pure: bool,
) -> None:
    """Give DuckDB a function that gets NULL as None; it calls a pure one once for equal values."""
    connection.create_function(
        name, function, takes, gives, null_handling="special", side_effects=not pure
    )
