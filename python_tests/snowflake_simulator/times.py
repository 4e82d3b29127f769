"""Timestamps from texts and numbers, and as texts.

https://docs.snowflake.com/en/sql-reference/functions/to_timestamp
https://docs.snowflake.com/en/sql-reference/functions/to_char
"""

from __future__ import annotations

import re

from sqlglot import exp

from python_tests.snowflake_simulator.errors import not_imitated
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

MACROS["simulator_formatted(x, format)"] = """(
    case
        when typeof(x) in ('TIMESTAMP', 'DATE')
            then strftime(cast(cast(x as varchar) as timestamp), format)
        when typeof(x) = 'TIMESTAMP WITH TIME ZONE' then error('The simulator does not imitate '
            || 'the zone of a TIMESTAMP_TZ in its text; it needs a real Snowflake account.')
        when x is null then null
        else error('The simulator does not imitate formats of numbers')
    end
)"""


@rewrite
def to_char(node: exp.Expr) -> exp.Expr:
    """A text by a format, or by the one that its type has."""
    if (
        isinstance(node, exp.TimeToStr)
        and isinstance(node.this, exp.Cast)
        and node.this.is_type(exp.DataType.Type.TIMESTAMPTZ)
    ):
        raise not_imitated("the zone of a TIMESTAMP_TZ in its text")
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
