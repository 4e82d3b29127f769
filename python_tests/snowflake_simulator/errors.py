"""The errors that clients see, with Snowflake's numbers."""

from __future__ import annotations

from snowflake.connector.errors import ProgrammingError

from python_tests.snowflake_simulator.names import Name


def sql_error(message: str, errno: int, sqlstate: str) -> ProgrammingError:
    """An error of a statement."""
    return ProgrammingError(msg=message, errno=errno, sqlstate=sqlstate)


NOT_IMITATED = "The simulator does not imitate"

# What is refused of values, which only DuckDB sees
REFUSED_VALUES: list[str] = []


def not_imitated(what: str) -> ProgrammingError:
    """For what the simulator can't do honestly."""
    return sql_error(_refusal(what), 2, "0A000")


def refused_values(what: str) -> str:
    """The message of an error that a macro, or a function in Python, raises for some values."""
    REFUSED_VALUES.append(what)
    return _refusal(what)


def refused_in_sql(what: str) -> str:
    """The same, as a call of DuckDB's error()."""
    return f"error('{refused_values(what)}')"


def _refusal(what: str) -> str:
    return f"{NOT_IMITATED} {what}; it needs a real Snowflake account."


def missing(kind: str, name: str) -> ProgrammingError:
    """For an object that is not there, or that the role may not even know of."""
    return sql_error(
        f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.", 2003, "42S02"
    )


def already_there(kind: str, name: Name, *, is_seen: bool) -> ProgrammingError:
    """For CREATE without OR REPLACE or IF NOT EXISTS, of a name that is taken."""
    shown = ".".join(name)
    if is_seen:
        return sql_error(f"SQL compilation error:\nObject '{shown}' already exists.", 2002, "42710")
    return sql_error(
        f"SQL compilation error:\n{kind.capitalize()} '{shown}' already exists, but current role "
        "has no privileges on it.",
        3041,
        "42710",
    )


def no_such_object() -> ProgrammingError:
    """What SHOW and USE say of a missing object; dbt knows it by its number."""
    return sql_error(
        "SQL compilation error:\nObject does not exist, or operation cannot be performed.",
        2043,
        "02000",
    )


def no_current_schema(statement: str) -> ProgrammingError:
    """For a bare name in a session without a current schema."""
    return sql_error(
        f"Cannot perform {statement}. This session does not have a current schema. "
        "Call 'USE SCHEMA', or use a qualified name.",
        90106,
        "22000",
    )


def insufficient(kind: str, name: str) -> ProgrammingError:
    """For an object that the role may see, but not do this with."""
    return sql_error(
        f"SQL access control error:\nInsufficient privileges to operate on {kind} '{name}'.",
        3001,
        "42501",
    )


def dependent_grant(privilege: str, name: str, role: str) -> ProgrammingError:
    """For an object that is to have another owner while grants on it stand."""
    return sql_error(
        f"SQL execution error: Dependent grant of privilege '{privilege}' on securable '{name}' "
        f"to role '{role}' exists.  It must be revoked first.",
        3036,
        "23001",
    )


def no_warehouse() -> ProgrammingError:
    """For a statement that computes, in a session without a warehouse."""
    return sql_error(
        "No active warehouse selected in the current session.  "
        "Select an active warehouse with the 'use warehouse' command.",
        606,
        "57P03",
    )
