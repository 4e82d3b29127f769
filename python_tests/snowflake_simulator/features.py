"""Everything that registers a statement or a function, imported once."""

from python_tests.snowflake_simulator import (
    arithmetic,
    clone_and_swap,
    ddl,
    functions,
    grants,
    hashing,
    metadata,
    parameters,
    procedures,
    times,
    variant,
)

__all__ = [
    "arithmetic",
    "clone_and_swap",
    "ddl",
    "functions",
    "grants",
    "hashing",
    "metadata",
    "parameters",
    "procedures",
    "times",
    "variant",
]
