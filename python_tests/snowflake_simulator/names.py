"""Names of databases, schemas, tables and views."""

from __future__ import annotations

import re

from sqlglot import exp

IDENTIFIER = r'(?:"(?:[^"]|"")+"|[\w$]+)'
QUALIFIED = rf"{IDENTIFIER}(?:\.{IDENTIFIER}){{0,2}}"

# (database,), (database, schema) or (database, schema, object), as Snowflake stores them.
Name = tuple[str, ...]


def stored(identifier: str) -> str:
    """An identifier as Snowflake stores it: in upper case unless quoted."""
    if identifier.startswith('"'):
        return identifier[1:-1].replace('""', '"')
    return identifier.upper()


def split(text: str) -> Name:
    """The parts of a dotted name."""
    return tuple(stored(part) for part in re.findall(IDENTIFIER, text))


def quoted(name: Name) -> str:
    """A name for DuckDB."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)


def literal(text: str) -> str:
    """A text as a DuckDB literal."""
    return "'" + text.replace("'", "''") + "'"


def of_table(table: exp.Table) -> Name:
    """The parts that a table in a Snowflake statement names."""
    parts = (table.args.get("catalog"), table.args.get("db"), table.this)
    return tuple(
        part.name if part.args.get("quoted") else part.name.upper()
        for part in parts
        if isinstance(part, exp.Identifier)
    )
