"""Temporary tables and views: a session's own, and in front of permanent ones of the same name.

DuckDB keeps temporary objects in one schema of each connection. So ANALYTICS.STAGING.T becomes the
object "ANALYTICS.STAGING.T" there, in every statement of the session that made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from snowflake.connector.errors import ProgrammingError
from sqlglot import exp

from python_tests.snowflake_simulator.errors import not_imitated
from python_tests.snowflake_simulator.names import Name, of_table

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.session import Session


def inner_name(name: Name) -> str:
    """What a temporary object is called inside DuckDB."""
    return ".".join(name)


def is_temporary(expression: exp.Expr) -> bool:
    """Does the statement create a temporary object?"""
    properties = expression.args.get("properties")
    return bool(properties and properties.find(exp.TemporaryProperty))


def target_of(expression: exp.Expr) -> exp.Table | None:
    """The table or view that a CREATE, DROP or ALTER names."""
    if isinstance(expression, exp.Drop):
        tables = expression.args.get("tables") or []
        return tables[0] if tables and isinstance(tables[0], exp.Table) else None
    this = expression.this
    if isinstance(this, exp.Schema):
        this = this.this
    return this if isinstance(this, exp.Table) else None


def redirected(session: Session, expression: exp.Expr) -> exp.Expr:
    """The statement with the session's temporary objects by their inner names."""
    target = target_of(expression) if isinstance(expression, (exp.Create, exp.Drop)) else None
    if isinstance(expression, exp.Create) and is_temporary(expression):
        if target is None or expression.kind not in ("TABLE", "VIEW"):
            raise not_imitated(f"a temporary {expression.kind}")
        name = session.completed(of_table(target))
        _redirect_all(session, expression, target)
        _rename(target, name, with_alias=False)
        return expression
    if isinstance(expression, exp.Drop) and target is not None and target.this:
        name = session.completed(of_table(target))
        if expression.kind in ("TABLE", "VIEW") and name in session.temporary:
            del session.temporary[name]
            _rename(target, name, with_alias=False)
        return expression
    if isinstance(expression, exp.Alter) and (altered := target_of(expression)) is not None:
        if altered.this and session.completed(of_table(altered)) in session.temporary:
            raise not_imitated("ALTER on a temporary object")
        return expression
    if session.temporary:
        _redirect_all(session, expression, target)
    return expression


def _redirect_all(session: Session, expression: exp.Expr, target: exp.Table | None) -> None:
    common = {cte.alias_or_name.upper() for cte in expression.find_all(exp.CTE)}
    written = expression.this if isinstance(expression, (exp.Insert, exp.Delete)) else None
    if isinstance(written, exp.Schema):
        written = written.this
    for table in list(expression.find_all(exp.Table)):
        if table is target or not isinstance(table.this, exp.Identifier):
            continue
        name = of_table(table)
        if len(name) == 1 and name[0].upper() in common:
            continue
        try:
            full = session.completed(name)
        except ProgrammingError:
            continue  # no current schema, so nothing that the name could mean
        if full in session.temporary:
            _rename(table, full, with_alias=table is not written)


def _rename(table: exp.Table, name: Name, *, with_alias: bool) -> None:
    alias = table.this.copy()
    table.set("this", exp.to_identifier(inner_name(name), quoted=True))
    table.set("db", None)
    table.set("catalog", None)
    if with_alias and not table.alias:
        table.set("alias", exp.TableAlias(this=alias))
