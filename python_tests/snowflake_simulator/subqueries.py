"""Subqueries that DuckDB runs and Snowflake does not.

https://docs.snowflake.com/en/user-guide/querying-subqueries and sql-reference/operators-subquery
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from python_tests.snowflake_simulator.errors import sql_error

_OPERATORS = (exp.Exists, exp.In, exp.Any, exp.All)
# Beneath these a query in parentheses is a relation, not a value
_HOLDS_RELATIONS = (
    exp.From,
    exp.Join,
    exp.Lateral,
    exp.CTE,
    exp.SetOperation,
    exp.Subquery,
    exp.Merge,
    exp.Insert,
    exp.Create,
)


def check(expression: exp.Expr) -> None:
    """Raise for a subquery of a kind that Snowflake does not evaluate."""
    for operator, query in _subqueries(expression):
        is_correlated = _is_correlated(query)
        is_limited = bool(query.args.get("limit") or query.args.get("fetch"))
        if operator is None:
            may_be = not is_correlated or (_is_one_row(query) and not is_limited)
        else:
            is_anywhere = isinstance(operator, exp.Exists) and not is_correlated
            may_be = not is_limited and (is_anywhere or _is_filter(operator))
        if not may_be:
            raise sql_error("Unsupported subquery type cannot be evaluated", 2031, "42601")


def _subqueries(expression: exp.Expr) -> Iterator[tuple[exp.Expr | None, exp.Query]]:
    """Each query that is a condition, with its operator, or a value, with none."""
    for node in expression.find_all(*_OPERATORS, exp.Subquery):
        found = node.args.get("query") if isinstance(node, exp.In) else node.this
        if isinstance(node, exp.Subquery):
            if isinstance(node.parent, (*_OPERATORS, *_HOLDS_RELATIONS)):
                continue
            if isinstance(found, exp.Query):
                yield None, found
        elif isinstance(found, exp.Query):
            yield node, found.this if isinstance(found, exp.Subquery) else found


def _is_correlated(query: exp.Query) -> bool:
    """Does it name a relation that is not in it? A bare column is taken for its own."""
    inside = {
        node.alias_or_name.upper()
        for node in query.find_all(exp.Table, exp.Subquery, exp.Lateral, exp.CTE, exp.Values)
    }
    return any(
        column.table and column.table.upper() not in inside for column in query.find_all(exp.Column)
    )


def _is_one_row(query: exp.Query) -> bool:
    return (
        isinstance(query, exp.Select)
        and query.args.get("group") is None
        and query.find(exp.Window) is None
        and any(item.find(exp.AggFunc) is not None for item in query.expressions)
    )


def _is_filter(operator: exp.Expr) -> bool:
    """Is it one of the conditions of a WHERE that all have to hold?"""
    above = _above(operator)
    if isinstance(above, exp.Binary) and isinstance(operator, (exp.Any, exp.All)):
        above = _above(above)  # what compares a value with it
    return isinstance(above, exp.Where)


def _above(node: exp.Expr) -> exp.Expr | None:
    above = node.parent
    while isinstance(above, (exp.And, exp.Not, exp.Paren)):
        above = above.parent
    return above
