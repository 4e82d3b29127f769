"""Division and averages of exact numbers: Snowflake gives decimals where DuckDB gives a double."""

from __future__ import annotations

from sqlglot import exp

from python_tests.snowflake_simulator.rewriting import MACROS, bound_once, call, rewrite

_EXACT = """(
    typeof({0}) in ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UBIGINT')
    or typeof({0}) like 'DECIMAL%'
)"""
_SCALE = "coalesce(try_cast(regexp_extract(typeof({0}), ',(\\d+)\\)', 1) as integer), 0)"

# https://docs.snowflake.com/en/sql-reference/operators-arithmetic#division
# The scale is that of the dividend, and at least six digits more up to twelve.
MACROS["simulator_division_scale(a)"] = (
    f"(greatest({_SCALE.format('a')}, least({_SCALE.format('a')} + 6, 12)))"
)
MACROS["simulator_divide(a, b)"] = bound_once(
    f"""(
    case
        when b is not null and a is not null and b = 0 then error('Division by zero')
        when {_EXACT.format("a")} and {_EXACT.format("b")}
            then round(a / b, simulator_division_scale(a))
        else a / b
    end
)""",
    "a",
    "b",
)


# https://docs.snowflake.com/en/sql-reference/functions/avg
MACROS["simulator_average(average, a)"] = f"""(
    case
        when {_EXACT.format("a")} then round(average, simulator_division_scale(a))
        else average
    end
)"""


@rewrite
def average(node: exp.Expr) -> exp.Expr:
    """The average of exact numbers has as many digits as their quotient."""
    inner = node.this if isinstance(node, exp.Window) else node
    if (
        isinstance(inner, exp.Avg)
        and not isinstance(node.parent, exp.Window)
        and "simulator" not in inner.meta
    ):
        inner.meta["simulator"] = True
        value = inner.this.expressions[0] if isinstance(inner.this, exp.Distinct) else inner.this
        # any value tells the type
        typed: exp.Expr = exp.AnyValue(this=value.copy())
        if isinstance(node, exp.Window):
            window = node.copy()
            window.set("this", typed)
            typed = window
        return call("simulator_average", node.copy(), typed)
    return node


@rewrite
def divide(node: exp.Expr) -> exp.Expr:
    """The quotient of exact numbers has few digits, and a zero divisor is an error."""
    if isinstance(node, exp.Div):
        return call("simulator_divide", node.this, node.expression)
    return node
