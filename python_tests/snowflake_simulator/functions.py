"""Functions and clauses that fakesnow lacks or reads otherwise than Snowflake."""

from __future__ import annotations

from sqlglot import exp

from python_tests.snowflake_simulator.errors import refused_in_sql
from python_tests.snowflake_simulator.rewriting import (
    MACROS,
    arguments_of,
    call,
    finisher,
    rename,
    rewrite,
)

# https://docs.snowflake.com/en/sql-reference/functions/octet_length: DuckDB's takes no text, and
# sqlglot knows it by its other name
rename("strlen", "BYTE_LENGTH")

# https://docs.snowflake.com/en/sql-reference/functions/sqrt: DuckDB gives NaN
MACROS["simulator_sqrt(a)"] = (
    "(case when a < 0 then error('Invalid floating point operation: sqrt of a negative number') "
    "else sqrt(a) end)"
)
rename("simulator_sqrt", "SQRT")
# https://docs.snowflake.com/en/sql-reference/functions/translate: DuckDB takes no notice
MACROS["simulator_translate(a, source, target)"] = """(
    case
        when length(target) > length(source)
            then error('String ''' || target || ''' is too long and would be truncated')
        else translate(a, source, target)
    end
)"""
rename("simulator_translate", "TRANSLATE")
# https://docs.snowflake.com/en/sql-reference/functions/floor: DuckDB makes a double of it
MACROS["simulator_floor(a)"] = f"""(
    case
        when typeof(a) in ('BIGINT', 'HUGEINT') and abs(a) > 9007199254740992
            then {refused_in_sql("FLOOR of so large a whole number")}
        else floor(a)
    end
)"""
# https://docs.snowflake.com/en/sql-reference/functions/substr: DuckDB begins at the first letter
MACROS["simulator_first(a, first)"] = f"""(
    case
        when first < -length(a) then {refused_in_sql("SUBSTR from before the text")}
        else first
    end
)"""


@rewrite
def floor(node: exp.Expr) -> exp.Expr:
    """FLOOR to a whole number."""
    is_whole = isinstance(node, exp.Floor) and not node.args.get("decimals")
    return call("simulator_floor", node.this) if is_whole else node


@rewrite
def substr(node: exp.Expr) -> exp.Expr:
    """SUBSTR from a place that may be before the text."""
    first = node.args.get("start") if isinstance(node, exp.Substring) else None
    if first is not None and not isinstance(first, exp.Literal):
        node.set("start", call("simulator_first", node.this.copy(), first.copy()))
    return node


@rewrite
def hexadecimal_number(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/to_decimal: X is a hex digit."""
    digits = node.args.get("format") if isinstance(node, exp.ToNumber) else None
    if isinstance(digits, exp.Literal) and set(digits.name.upper()) == {"X"}:
        text = exp.DPipe(this=exp.Literal.string("0x"), expression=node.this)
        return exp.cast(text, exp.DataType.Type.INT128)
    return node


@rewrite
def trim(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/rtrim: fakesnow trims both ends."""
    if not isinstance(node, exp.Trim):
        return node
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(node.args.get("position") or "", "trim")
    characters = [node.expression] if node.expression else []
    return call(name, exp.cast(node.this, "TEXT"), *characters)


@rewrite
def ratio_to_report(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/ratio_to_report"""
    if isinstance(node, exp.Window) and (found := arguments_of(node.this, "RATIO_TO_REPORT")):
        total = node.copy()
        total.set("this", exp.Sum(this=found[0].copy()))
        return exp.Div(this=found[0], expression=total)
    return node


@rewrite
def conditional_true_event(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/conditional_true_event"""
    if isinstance(node, exp.Window) and (
        found := arguments_of(node.this, "CONDITIONAL_TRUE_EVENT")
    ):
        node.set("this", call("count_if", found[0]))
    return node


@rewrite
def listagg(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/listagg: no rows give an empty text."""
    inner = node.this if isinstance(node, exp.WithinGroup) else node
    if (
        isinstance(inner, exp.GroupConcat)
        and "simulator" not in inner.meta
        and not isinstance(node.parent, (exp.WithinGroup, exp.Window))
    ):
        inner.meta["simulator"] = True
        return exp.Coalesce(this=node.copy(), expressions=[exp.Literal.string("")])
    return node


@rewrite
def dollar_column(node: exp.Expr) -> exp.Expr:
    """SELECT $1 FROM VALUES: https://docs.snowflake.com/en/sql-reference/constructs/values"""
    if isinstance(node, exp.Parameter) and node.name.isdigit():
        select = node.find_ancestor(exp.Select)
        source = select.args.get("from_") if select else None
        if source and isinstance(source.this, exp.Values):
            return exp.column(f"COLUMN{node.name}")
    return node


@rewrite
def order_by_all(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/constructs/order-by"""
    if isinstance(node, exp.Ordered) and isinstance(node.this, exp.Column):
        name = node.this.this
        if name.name.upper() == "ALL" and not name.args.get("quoted"):
            node.set("this", exp.var("ALL"))
    return node


@finisher
def array_agg(statement: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/array_agg: NULLs are left out."""
    for node in list(statement.find_all(exp.ArrayAgg)):
        value = node.this.this if isinstance(node.this, exp.Order) else node.this
        if isinstance(value, exp.Distinct):
            value = value.expressions[0]
        if not isinstance(node.parent, (exp.Filter, exp.Window)):
            present = exp.Where(this=value.copy().is_(exp.Null()).not_())
            node.replace(exp.Filter(this=node.copy(), expression=present))
    return statement


@rewrite
def current(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions-context"""
    for name in ("role", "warehouse", "session", "user", "database", "schema"):
        if arguments_of(node, f"CURRENT_{name.upper()}") == []:
            return call("getvariable", exp.Literal.string(f"simulator_{name}"))
    return node


@rewrite
def is_role_in_session(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/is_role_in_session"""
    asked = arguments_of(node, "IS_ROLE_IN_SESSION")
    if asked is None:
        return node
    roles = call(
        "string_split",
        call("getvariable", exp.Literal.string("simulator_roles")),
        exp.Literal.string(","),
    )
    return call("list_contains", roles, asked[0])


@finisher
def quote_names(statement: exp.Expr) -> exp.Expr:
    """A name may be a reserved word of DuckDB's, such as AT. Names are in upper case by now."""
    for identifier in statement.find_all(exp.Identifier):
        identifier.set("quoted", True)
    return statement
