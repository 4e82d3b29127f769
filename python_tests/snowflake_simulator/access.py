"""Who may do what, and whether a warehouse is there to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from python_tests.snowflake_simulator import temporary
from python_tests.snowflake_simulator.errors import (
    already_there,
    insufficient,
    missing,
    no_warehouse,
)
from python_tests.snowflake_simulator.names import Name, of_table

if TYPE_CHECKING:
    from python_tests.snowflake_simulator.session import Session

_WRITES: dict[type[exp.Expr], str] = {
    exp.Insert: "INSERT",
    exp.Update: "UPDATE",
    exp.Delete: "DELETE",
    exp.TruncateTable: "TRUNCATE",
}


def check(session: Session, expression: exp.Expr) -> None:
    """Raise unless the session's role may run the statement and a warehouse can."""
    with session.account.naming, session.account.catalog.unchanged():
        _check(session, expression)


def _check(session: Session, expression: exp.Expr) -> None:
    target = _written(expression)
    if isinstance(expression, (exp.Create, exp.Drop, exp.Alter)):
        target = temporary.target_of(expression)
        _check_definition(session, expression, target)
    elif target is not None:
        for privilege in _privileges(expression):
            check_use(session, session.completed(of_table(target)), privilege)
    read = _read(session, expression, target)
    for name in read:
        check_use(session, name, "SELECT")
    writes = isinstance(expression, (exp.Insert, exp.Update, exp.Delete, exp.Merge))
    defines_view = isinstance(expression, exp.Create) and expression.kind == "VIEW"
    if (
        (read or writes)
        and not defines_view
        and not session.account.catalog.is_usable(session.roles, session.warehouse)
    ):
        raise no_warehouse()


def check_use(session: Session, name: Name, privilege: str) -> None:
    """Raise unless the role may use the object in this way."""
    catalog, roles = session.account.catalog, session.roles
    if name in session.temporary or "INFORMATION_SCHEMA" in name:
        return
    if not catalog.exists(name[:1]) or not catalog.may(roles, "USAGE", name[:1]):
        raise missing("Database", name[0])
    check_schema_use(session, name[:2])
    kind = catalog.kind_of(name)
    if kind is None or not catalog.sees(roles, name):
        raise missing("Object", ".".join(name))
    if not catalog.may(roles, privilege, name):
        raise insufficient(kind.lower(), name[-1])


def check_schema_use(session: Session, name: Name) -> None:
    """Raise unless the schema is there and the role may use it."""
    catalog, roles = session.account.catalog, session.roles
    if not catalog.exists(name) or not catalog.may(roles, "USAGE", name):
        raise missing("Schema", ".".join(name))


def check_owns(session: Session, kind: str, name: Name) -> None:
    """Raise unless the object is there and the role owns it."""
    catalog, roles = session.account.catalog, session.roles
    if not catalog.exists(name) or not catalog.sees(roles, name):
        raise missing(kind.capitalize(), ".".join(name))
    if not catalog.owns(roles, name):
        raise insufficient(kind.lower(), name[-1])


def check_may_create(session: Session, kind: str, name: Name) -> None:
    """Raise unless the primary role may create such an object in what would hold it."""
    catalog, holder = session.account.catalog, name[:-1]
    holder_kind = "Database" if len(holder) == 1 else "Schema"
    if not catalog.exists(holder) or not catalog.sees(session.roles, holder):
        raise missing(holder_kind, ".".join(holder))
    if not catalog.may((session.role,), f"CREATE {kind}", holder):
        raise insufficient(holder_kind.lower(), holder[-1])


def _check_definition(session: Session, expression: exp.Expr, target: exp.Table | None) -> None:
    kind = str(expression.args.get("kind"))
    if target is None or kind not in ("TABLE", "VIEW", "SCHEMA"):
        return
    name = session.completed(of_table(target), 2 if kind == "SCHEMA" else 3)
    if name in session.temporary or temporary.is_temporary(expression):
        return
    catalog = session.account.catalog
    if isinstance(expression, exp.Create):
        there = catalog.exists(name)
        if there and expression.args.get("exists"):
            return
        check_may_create(session, kind, name)
        if there and expression.args.get("replace"):
            check_owns(session, kind, name)
        elif there:
            raise already_there(kind, name, is_seen=catalog.sees(session.roles, name))
    elif catalog.exists(name) or not expression.args.get("exists"):
        check_owns(session, kind, name)


def _written(expression: exp.Expr) -> exp.Table | None:
    if isinstance(expression, exp.TruncateTable):
        return expression.expressions[0]
    if isinstance(expression, (exp.Insert, exp.Update, exp.Delete, exp.Merge)):
        this = expression.this
        this = this.this if isinstance(this, exp.Schema) else this
        return this if isinstance(this, exp.Table) else None
    return None


def _privileges(expression: exp.Expr) -> set[str]:
    if isinstance(expression, exp.Merge):
        found = set()
        for when in expression.args["whens"].expressions:
            then = when.args["then"]
            found.add(then.name.upper() if isinstance(then, exp.Var) else then.key.upper())
        return found | {"SELECT"}
    return {_WRITES[type(expression)]}


def _read(session: Session, expression: exp.Expr, target: exp.Table | None) -> list[Name]:
    """The tables and views that a statement reads."""
    if isinstance(expression, (exp.Use, exp.Show, exp.Describe, exp.Command, exp.Drop, exp.Alter)):
        return []
    common = {cte.alias_or_name.upper() for cte in expression.find_all(exp.CTE)}
    found = []
    for table in expression.find_all(exp.Table):
        if table is target or not isinstance(table.this, exp.Identifier):
            continue
        name = of_table(table)
        if len(name) == 1 and name[0].upper() in common:
            continue
        found.append(session.completed(name))
    return found
