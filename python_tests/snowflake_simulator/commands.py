"""Statements that are not one DuckDB statement: a pattern and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from fakesnow.variables import Variables

    from python_tests.snowflake_simulator.cursor import SimulatedCursor

Handler = Callable[["SimulatedCursor", "re.Match[str]"], None]

_COMMANDS: list[tuple[re.Pattern[str], Handler]] = []


def command(pattern: str) -> Callable[[Handler], Handler]:
    """Register a handler for the statements that match; a blank is any white space."""
    spaced = re.compile(pattern.replace(" ?", r"\s*").replace(" ", r"\s+"), re.I | re.S)

    def register(handler: Handler) -> Handler:
        _COMMANDS.append((spaced, handler))
        return handler

    return register


def bare(statement: str) -> str:
    """A statement without the comments and semicolons around it."""
    text = statement.strip()
    while True:
        if text.startswith("/*") and "*/" in text:
            text = text[text.index("*/") + 2 :].lstrip()
        elif text.startswith("--"):
            text = text.partition("\n")[2].lstrip()
        elif text.endswith(";"):
            text = text[:-1].rstrip()
        elif text.endswith("*/") and "/*" in text:
            text = text[: text.rindex("/*")].rstrip()
        else:
            return text


def with_names(statement: str, variables: Variables) -> str:
    """A statement with the name for IDENTIFIER($variable)."""
    return _NAMED_BY_VARIABLE.sub(
        lambda match: exp.maybe_parse(variables.inline_variables(match[1])).name, statement
    )


def find(statement: str) -> tuple[Handler, re.Match[str]] | None:
    """The handler of a bare statement, if it has one."""
    for pattern, handler in _COMMANDS:
        if match := pattern.fullmatch(statement):
            return handler, match
    return None


def without_scope(statement: str) -> str:
    """Snowpark writes CREATE SCOPED TEMPORARY, which sqlglot does not know; it means TEMPORARY."""
    return _SCOPED.sub(r"\1", statement)


_SCOPED = re.compile(r"^(create\s+(?:or\s+replace\s+)?)scoped\s+(?=temp)", re.IGNORECASE)
_NAMED_BY_VARIABLE = re.compile(r"\bidentifier\s*\(\s*(\$\w+)\s*\)", re.IGNORECASE)
