"""Timestamps from texts and numbers, and as texts.

https://docs.snowflake.com/en/sql-reference/functions/to_timestamp
https://docs.snowflake.com/en/sql-reference/functions/to_char
"""

from __future__ import annotations

import re

from sqlglot import exp

from python_tests.snowflake_simulator.errors import not_imitated, refused_in_sql
from python_tests.snowflake_simulator.rewriting import MACROS, arguments_of, call, rewrite
from python_tests.snowflake_simulator.variant import is_local

_WITHOUT_ZONE = (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ)
_IS_TEXT = "typeof(val) = 'VARCHAR'"
_IS_NUMBER = """(
    typeof(val) in ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'DOUBLE')
    or typeof(val) like 'DECIMAL%'
)"""
_DIGITS = "regexp_full_match(val::varchar, '-?\\d+')"
# A text of digits counts seconds, milliseconds, microseconds or nanoseconds, by its size.
_TEXT_SCALE = """(case
    when abs(try_cast(val::varchar as double)) < 31536000000 then 0
    when abs(try_cast(val::varchar as double)) < 31536000000000 then 3
    when abs(try_cast(val::varchar as double)) < 31536000000000000 then 6
    else 9
end)"""
_MICROS = "(try_cast(val::varchar as double) * pow(10, 6 - {scale}))::bigint"

# Takes the place of fakesnow's own, which reads a text of milliseconds as seconds.
MACROS["_fs_to_timestamp(val, scale)"] = f"""(case
    when {_IS_TEXT} and {_DIGITS} then make_timestamp({_MICROS.format(scale=_TEXT_SCALE)})
    when {_IS_NUMBER} then make_timestamp({_MICROS.format(scale="scale")})
    else cast(val as timestamp)
end)"""
MACROS["simulator_try_to_timestamp(val)"] = f"""(case
    when {_DIGITS} then make_timestamp({_MICROS.format(scale=_TEXT_SCALE)})
    else try_cast(val::varchar as timestamp)
end)"""


@rewrite
def try_to_timestamp(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/try_to_timestamp"""
    found = arguments_of(node, "TRY_TO_TIMESTAMP_NTZ", "TRY_TO_TIMESTAMP")
    if found is not None and len(found) == 1:
        return call("simulator_try_to_timestamp", found[0])
    # fakesnow would take TRY_CAST for CAST
    if isinstance(node, exp.TryCast) and node.to.this in _WITHOUT_ZONE:
        return call("simulator_try_to_timestamp", node.this)
    return node


# https://docs.snowflake.com/en/sql-reference/functions/to_date: digits count as for a timestamp
MACROS["simulator_to_date(val)"] = f"""(case
    when {_IS_TEXT} and {_DIGITS} then cast(_fs_to_timestamp(val, 0) as date)
    else cast(val as date)
end)"""


@rewrite
def to_date(node: exp.Expr) -> exp.Expr:
    """A date of a text or a timestamp, where no format is given."""
    if isinstance(node, exp.TsOrDsToDate) and (node.args.get("format") or node.args.get("safe")):
        return node
    found = arguments_of(node, "TO_DATE", "TS_OR_DS_TO_DATE")
    return call("simulator_to_date", found[0]) if found and len(found) == 1 else node


# DuckDB makes a timestamp of it
MACROS["simulator_date_trunc(part, val)"] = f"""(case
    when typeof(val) = 'DATE' then {refused_in_sql("DATE_TRUNC of a date, but for a cast")}
    else date_trunc(part, val)
end)"""


@rewrite
def date_trunc(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/date_trunc: a date gives a date."""
    if not isinstance(node, (exp.DateTrunc, exp.TimestampTrunc)):
        return node
    part = exp.Literal.string(node.args["unit"].name)
    if node.this.is_type(exp.DataType.Type.DATE):
        return exp.cast(call("date_trunc", part, node.this), "DATE")
    return call("simulator_date_trunc", part, node.this)


# https://docs.snowflake.com/en/sql-reference/date-time-input-output, and DuckDB's strftime
_ELEMENTS = {
    "YYYY": "%Y",
    "YY": "%y",
    "MMMM": "%B",
    "MON": "%b",
    "MM": "%m",
    "DD": "%d",
    "DY": "%a",
    "HH24": "%H",
    "HH12": "%I",
    "MI": "%M",
    "SS": "%S",
    "FF3": "%g",
    "FF6": "%f",
    "FF9": "%n",
    "AM": "%p",
    "PM": "%p",
}
_ELEMENT = re.compile("|".join((*_ELEMENTS, r'"[^"]*"', r"[^A-Za-z%]")), re.IGNORECASE)

MACROS["simulator_formatted(x, format)"] = f"""(
    case
        when typeof(x) in ('TIMESTAMP', 'DATE')
            then strftime(cast(cast(x as varchar) as timestamp), format)
        when typeof(x) = 'TIMESTAMP WITH TIME ZONE'
            then {refused_in_sql("the zone of a TIMESTAMP_TZ in its text")}
        when x is null then null
        else {refused_in_sql("formats of numbers")}
    end
)"""


@rewrite
def to_char(node: exp.Expr) -> exp.Expr:
    """A text by a format, or by the one that its type has."""
    if isinstance(node, exp.TimeToStr) and isinstance(node.this, exp.Cast):
        if node.this.is_type(exp.DataType.Type.TIMESTAMPTZ):
            raise not_imitated("the zone of a cast in its text")
        # sqlglot has read the format: a letter that is left is a text, or means nothing to it
        if re.search("[A-Za-z]", re.sub("%-?[A-Za-z]", "", node.args["format"].name)):
            raise not_imitated("letters in the format of a cast")
    found = arguments_of(node, "TO_CHAR", "TO_VARCHAR")
    if found is None:
        return node
    if len(found) == 1:
        return call("simulator_local_text" if is_local(found[0]) else "simulator_text", found[0])
    if not (isinstance(found[1], exp.Literal) and found[1].is_string):
        raise not_imitated("a format that is not a literal")
    form = exp.Literal.string(_strftime(found[1].name))
    return call("strftime" if is_local(found[0]) else "simulator_formatted", found[0], form)


def _strftime(text: str) -> str:
    result, place = "", 0
    while place < len(text):
        element = _ELEMENT.match(text, place)
        if element is None:
            raise not_imitated(f"the format {text}")
        written = element[0]
        result += _ELEMENTS.get(written.upper(), written.strip('"'))
        place = element.end()
    return result
