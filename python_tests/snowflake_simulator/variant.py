"""VARIANT: JSON in canonical form, and the functions on it."""

from __future__ import annotations

import json
import re
from typing import Any

import duckdb
from sqlglot import exp

from python_tests.snowflake_simulator.errors import refused_in_sql, refused_values
from python_tests.snowflake_simulator.python_functions import define
from python_tests.snowflake_simulator.rewriting import (
    MACROS,
    arguments_of,
    bound_once,
    call,
    finisher,
    rename,
    rewrite,
)


def canonical(text: str | None) -> str | None:
    """A JSON text as Snowflake stores and prints it: keys sorted, no blanks, no key twice."""
    if text is None or not text.strip():
        return None
    try:
        return _written(json.loads(text, object_pairs_hook=_object))
    except ValueError as error:
        raise ValueError(f"Error parsing JSON: {error}") from error


def canonical_or_null(text: str | None) -> str | None:
    """The same, with NULL for what is not JSON."""
    try:
        return canonical(text)
    except ValueError:
        return None


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate object attribute")
    return found


_NO_SUCH_PATH = refused_values("such a path of FLATTEN")


def flattened(
    text: str | None, path: str, is_outer: bool, is_recursive: bool, mode: str
) -> list[dict[str, Any]]:
    """https://docs.snowflake.com/en/sql-reference/functions/flatten: one entry for each row."""
    if re.search(r"[\[\]'\"]", path):
        raise ValueError(_NO_SUCH_PATH)
    value = None if text is None else json.loads(text)
    for step in filter(None, path.split(".")):
        value = value.get(step) if isinstance(value, dict) else None
    found: list[dict[str, Any]] = []
    _expand(value, path, is_recursive, mode.upper(), found)
    if not found and is_outer:
        return [{"key": None, "path": path, "idx": None, "value": None, "this": None}]
    return found


def _expand(value: Any, path: str, deep: bool, mode: str, found: list[dict[str, Any]]) -> None:
    items: list[tuple[str | None, int | None, str, Any]] = []
    if isinstance(value, dict) and mode in ("BOTH", "OBJECT"):
        items = [(key, None, _below(path, key), value[key]) for key in sorted(value)]
    elif isinstance(value, list) and mode in ("BOTH", "ARRAY"):
        items = [(None, place, f"{path}[{place}]", item) for place, item in enumerate(value)]
    this = _written(value) if items else None
    for key, place, below, item in items:
        found.append(
            {"key": key, "path": below, "idx": place, "value": _written(item), "this": this}
        )
        if deep:
            _expand(item, below, deep, mode, found)


def _below(path: str, key: str) -> str:
    step = key if key.isidentifier() else f"['{key}']"
    return f"{path}.{step}" if path and step == key else f"{path}{step}"


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Give DuckDB the functions that are written in Python."""
    text, flag = "VARCHAR", "BOOLEAN"
    entry = "STRUCT(key VARCHAR, path VARCHAR, idx BIGINT, value VARCHAR, this VARCHAR)[]"
    functions: dict[str, tuple[Any, list[str], str]] = {
        "simulator_canonical": (canonical, [text], text),
        "simulator_canonical_or_null": (canonical_or_null, [text], text),
        "simulator_flattened": (flattened, [text, text, flag, flag, text], entry),
    }
    for name, (function, takes, gives) in functions.items():
        define(connection, name, function, takes, gives, pure=True)


# JSON null is a value of its own: https://docs.snowflake.com/en/user-guide/semistructured-considerations
MACROS["simulator_parse_json(s)"] = "(simulator_canonical(s::varchar)::json)"
MACROS["simulator_try_parse_json(s)"] = "(simulator_canonical_or_null(s::varchar)::json)"
# https://docs.snowflake.com/en/sql-reference/functions/typeof
MACROS["simulator_typeof(v)"] = """(
    case json_type(v::json)
        when 'UBIGINT' then 'INTEGER' when 'BIGINT' then 'INTEGER' when 'HUGEINT' then 'INTEGER'
        when 'DOUBLE' then 'DECIMAL' when 'NULL' then 'NULL_VALUE' else json_type(v::json)
    end
)"""
MACROS["simulator_object_keys(v)"] = """(
    case when json_type(v::json) = 'OBJECT' then to_json(list_sort(json_keys(v::json))) end
)"""
_MEMBERS = """(
    case when o is not null then (
        select coalesce(json_group_object(k, v), '{{}}'::json)
        from (
            select keys.k, json_extract(o::json, '$."' || keys.k || '"') as v
            from (select unnest(list_sort(json_keys(o::json))) as k) as keys
            where {condition}
        ) as members
    ) end
)"""
MACROS["simulator_object_delete(o, ks)"] = _MEMBERS.format(
    condition="not list_contains(ks, keys.k)"
)
MACROS["simulator_object_pick(o, ks)"] = _MEMBERS.format(condition="list_contains(ks, keys.k)")
MACROS["simulator_sorted(v)"] = "(simulator_canonical(v::varchar)::json)"
# The member takes the place of the former one, as text: a merge would mix the two.
MACROS["simulator_object_insert(o, k, v)"] = """(
    case
        when o is null then null
        when v is null then simulator_object_delete(o, [k])
        when simulator_object_delete(o, [k])::varchar = '{}' then json_object(k, v)
        else simulator_sorted(
            (simulator_object_delete(o, [k])::varchar)[:-2]
            || ',' || (json_object(k, v)::varchar)[2:]
        )
    end
)"""
MACROS["simulator_flatten(input, path, is_outer, is_recursive, mode)"] = """table
    select
        1::bigint as "SEQ", item.key as "KEY", item.path as "PATH", item.idx as "INDEX",
        item.value::json as "VALUE", item.this::json as "THIS"
    from (
        select unnest(simulator_flattened(
            input::json::varchar, path::varchar, is_outer, is_recursive, mode::varchar
        )) as item
    ) as items
"""
# DuckDB writes +05:30 and +00 where Snowflake writes +0530 and +0000.
MACROS["simulator_offset(z)"] = "(rpad(replace(z, ':', ''), 5, '0'))"
# A cast to text. https://docs.snowflake.com/en/sql-reference/functions/to_char and for the formats
# https://docs.snowflake.com/en/user-guide/date-time-input-output
MACROS["simulator_text(x)"] = bound_once(
    f"""(
    case typeof(x)
        when 'JSON' then json_extract_string(to_json(x), '$')
        when 'TIMESTAMP'
            then strftime(cast(cast(x as varchar) as timestamp), '%Y-%m-%d %H:%M:%S.%g')
        when 'TIMESTAMP WITH TIME ZONE'
            then {refused_in_sql("the offset that a TIMESTAMP_TZ keeps in its text")}
        when 'DOUBLE' then regexp_replace(cast(x as varchar), '\\.0$', '')
        else cast(x as varchar)
    end
)""",
    "x",
)

# A TIMESTAMP_LTZ is written in the session's time zone.
MACROS["simulator_local_text(x)"] = bound_once(
    "(strftime(x, '%Y-%m-%d %H:%M:%S.%g ') || simulator_offset(strftime(x, '%z')))", "x"
)

rename("simulator_typeof", "TYPEOF")
rename("simulator_object_keys", "OBJECT_KEYS", "JSON_KEYS")


@rewrite
def parse_json(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/parse_json"""
    if (found := arguments_of(node, "PARSE_JSON")) is not None:
        safe = bool(node.args.get("safe"))
        return call("simulator_try_parse_json" if safe else "simulator_parse_json", found[0])
    if (found := arguments_of(node, "TRY_PARSE_JSON")) is not None:
        return call("simulator_try_parse_json", found[0])
    return node


@rewrite
def object_members(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/object_delete, .../object_pick"""
    for name, macro in (("OBJECT_DELETE", "delete"), ("OBJECT_PICK", "pick")):
        if (found := arguments_of(node, name)) is not None:
            keys = exp.Array(expressions=found[1:])
            return call(f"simulator_object_{macro}", found[0], keys)
    return node


@rewrite
def object_insert(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/object_insert"""
    if (found := arguments_of(node, "OBJECT_INSERT")) is not None:
        return call("simulator_object_insert", *found[:3])
    return node


@rewrite
def flatten(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/flatten"""
    if not (
        isinstance(node, (exp.Lateral, exp.TableFromRows)) and isinstance(node.this, exp.Explode)
    ):
        return node
    explode = node.this
    given = {
        item.this.name.lower(): item.expression
        for item in (explode.this, *explode.expressions)
        if isinstance(item, exp.Kwarg)
    }
    values = given.get("input", explode.this)
    arguments = [
        values,
        given.get("path", exp.Literal.string("")),
        given.get("outer", exp.false()),
        given.get("recursive", exp.false()),
        given.get("mode", exp.Literal.string("BOTH")),
    ]
    return exp.Table(this=call("simulator_flatten", *arguments), alias=node.args.get("alias"))


@rewrite
def to_variant(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/to_variant: no text is read as JSON."""
    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.VARIANT:
        return call("to_json", node.this)
    return node


@finisher
def sorted_objects(statement: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/object_construct"""
    made = ("_FS_OBJECT_CONSTRUCT", "_FS_OBJECT_CONSTRUCT_STAR")
    for node in list(statement.find_all(exp.Anonymous)):
        if node.name.upper() in made:
            node.replace(call("simulator_sorted", node.copy()))
    return statement


@rewrite
def object_agg(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/object_agg"""
    if isinstance(node, exp.ObjectAgg) and not isinstance(node.parent, exp.Window):
        return call("simulator_sorted", node.copy())
    return node


@rewrite
def to_text(node: exp.Expr) -> exp.Expr:
    """A cast to text has a form of its own for each type."""
    if (
        type(node) is exp.Cast
        and node.to.this in exp.DataType.TEXT_TYPES
        and not isinstance(node.this, (exp.Literal, exp.Null))
    ):
        return call("simulator_local_text" if is_local(node.this) else "simulator_text", node.this)
    return node


def is_local(node: exp.Expr) -> bool:
    """Is it a TIMESTAMP_LTZ as far as the expression tells? DuckDB has one type for both."""
    kind = exp.DataType.Type.TIMESTAMPLTZ
    return isinstance(node, exp.CurrentTimestamp) or (
        isinstance(node, exp.Cast) and node.to.this == kind
    )
