"""The simulator answers as Snowflake's documentation says. Each case names the page."""

from __future__ import annotations

import ast
import csv
import hashlib
import inspect
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import snowflake.connector
from snowflake.connector.errors import DatabaseError, ProgrammingError

from python_tests.snowflake_simulator import (
    Simulator,
    account,
    errors,
    refusals,
    running_simulator,
    udfs,
)
from python_tests.snowflake_statements import FUNCTIONS as LISTED_FUNCTIONS
from python_tests.warehouse import ROOT

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

SQL = "https://docs.snowflake.com/en/sql-reference/"
GUIDE = "https://docs.snowflake.com/en/user-guide/"
DEVELOPER = "https://docs.snowflake.com/en/developer-guide/"
# what Snowflake's own code observes and no page promises
KEY_ORDER = "docs/decisions/0010-payload-text.md"

_numbers = count(1)


@dataclass(frozen=True)
class Case:
    """Statements, the last of which gives these rows, or fails with this number."""

    page: str
    law: str
    sql: str
    expected: Sequence[Any] | None = None
    before: Sequence[str] = field(default=())
    error: int | None = None

    def __str__(self) -> str:
        return self.law.replace(" ", "_")


def rows(*values: Any) -> list[tuple[Any, ...]]:
    """Rows of one column."""
    return [(value,) for value in values]


@pytest.fixture
def session(snowflake_simulator: Simulator) -> Iterator[SnowflakeConnection]:
    """A login as administrator, in an empty schema of its own."""
    schema = f"CASE_{next(_numbers)}"
    with snowflake_simulator.connect(database="ANALYTICS") as connection:
        connection.cursor().execute(f"create schema {schema}")
        connection.cursor().execute(f"use schema {schema}")
        yield connection
        connection.cursor().execute(f"drop schema if exists {schema}")


def run(connection: SnowflakeConnection, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements; the rows of the last one."""
    cursor = connection.cursor()
    for statement in statements:
        if statement.startswith(FAILS):
            with pytest.raises(ProgrammingError):
                cursor.execute(statement.removeprefix(FAILS))
        else:
            cursor.execute(statement)
    return [tuple(row) for row in cursor.fetchall()] if statements else []


# Begins a statement that is to fail
FAILS = "fails: "


def check(session: SnowflakeConnection, case: Case) -> None:
    """Run a case."""
    if case.error is not None:
        run(session, *case.before)
        with pytest.raises(DatabaseError) as raised:
            run(session, case.sql)
        assert raised.value.errno == case.error
        return
    assert run(session, *case.before, case.sql) == case.expected


EVENTS = (
    "create table events (id int, name varchar, at timestamp_ntz)",
    "insert into events values (1, 'a', '2026-01-01 10:00:00'), (2, 'b', null)",
)
PAYLOAD = '{"a":1, "b":[77,88], "c":{"d":"X"}}'

VALUES = [
    Case(
        SQL + "functions/regexp_replace",
        "every occurrence is replaced, not the first alone",
        "select regexp_replace('It was the best of times, it was the worst of times', "
        "'( ){1,}', '')",
        rows("Itwasthebestoftimes,itwastheworstoftimes"),
    ),
    Case(
        SQL + "functions/regexp_replace",
        "a replacement may name the groups",
        r"select regexp_replace('a1 b2', '([a-z])([0-9])', '\\2\\1')",
        rows("1a 2b"),
    ),
    Case(
        SQL + "functions/regexp_instr",
        "a match is told by its place, from a place on, by its number, and 0 for none",
        r"select regexp_instr(t, 'nevermore\\d'), regexp_instr(t, 'nevermore\\d', 5), "
        r"regexp_instr(t, 'nevermore\\d', 1, 3), regexp_instr(t, 'evermore$') "
        "from (select 'nevermore1, nevermore2, nevermore3.' as t)",
        [(1, 13, 25, 0)],
    ),
    Case(
        SQL + "functions/try_cast",
        "a text that is none of the type is NULL, and no error",
        "select try_cast('05/16' as timestamp), try_cast('ABCD' as char(2)), "
        "try_cast('ABCD' as varchar(10)), try_cast('x' as int), "
        "try_cast('2016-03-05' as timestamp)::varchar",
        [(None, None, "ABCD", None, "2016-03-05 00:00:00.000")],
    ),
    Case(
        SQL + "functions/octet_length",
        "a text has the length of its UTF-8 in bytes",
        r"select octet_length('abc'), octet_length('\u0392')",
        [(3, 2)],
    ),
    Case(
        SQL + "functions/get_path",
        "names in brackets and quotes may hold anything, and what is not there is NULL",
        """select get_path(parse_json('{"a.b": {"c": "d"}}'), '["a.b"]["c"]')::varchar, """
        """get_path(parse_json('{"a": 1}'), '["b"]')""",
        [("d", None)],
    ),
    Case(
        KEY_ORDER,
        "a variant has sorted keys and no blanks",
        """select to_json(parse_json('{"b": 1,  "a": {"d": 2, "c": 3}}'))""",
        rows('{"a":{"c":3,"d":2},"b":1}'),
    ),
    Case(
        SQL + "functions/parse_json",
        "an empty text is NULL",
        "select parse_json(''), parse_json(null)",
        [(None, None)],
    ),
    Case(
        SQL + "functions/parse_json",
        "what is not JSON is an error",
        "select parse_json('{bad')",
        # "100069 (22P02): Error parsing JSON" in pipelinewise-target-snowflake's issue 298
        error=100069,
    ),
    Case(
        SQL + "functions/parse_json",
        "a key given twice is an error",
        """select parse_json('{"a":1,"a":2}')""",
        error=100069,
    ),
    Case(
        SQL + "functions/try_parse_json",
        "what is not JSON is NULL when tried",
        "select try_parse_json('{bad')",
        rows(None),
    ),
    Case(
        GUIDE + "semistructured-considerations",
        "JSON null is not SQL NULL",
        """select v:n is null, is_null_value(v:n), v:missing is null
        from (select parse_json('{"n":null}') as v)""",
        [(False, True, True)],
    ),
    Case(
        GUIDE + "querying-semistructured",
        "a path gives a variant that a cast makes a value",
        f"select v:a::int, v:c.d::varchar, v:b[1]::int, v['c']['d']::varchar "
        f"from (select parse_json('{PAYLOAD}') as v)",
        [(1, "X", 88, "X")],
    ),
    Case(
        SQL + "functions/to_char",
        "a variant text loses its quotes when cast",
        """select v::varchar, w::varchar
        from (select parse_json('"x"') as v, parse_json('[1, "y"]') as w)""",
        [("x", '[1,"y"]')],
    ),
    Case(
        SQL + "functions/typeof",
        "each value has the name of its type",
        """select typeof(v:i), typeof(v:d), typeof(v:t), typeof(v:b), typeof(v:n),
            typeof(v:o), typeof(v:a), typeof(v:missing)
        from (select parse_json(
            '{"i":1,"d":1.5,"t":"x","b":true,"n":null,"o":{},"a":[]}') as v)""",
        [("INTEGER", "DECIMAL", "VARCHAR", "BOOLEAN", "NULL_VALUE", "OBJECT", "ARRAY", None)],
    ),
    Case(
        SQL + "functions/object_keys",
        "the keys of an object",
        """select object_keys(parse_json('{"b":1,"a":2}'))""",
        rows('["a","b"]'),
    ),
    Case(
        SQL + "functions/object_delete",
        "an object without some keys",
        """select object_delete(parse_json('{"a":1,"b":2,"c":3}'), 'a', 'b')""",
        rows('{"c":3}'),
    ),
    Case(
        SQL + "functions/object_pick",
        "an object with some keys only",
        """select object_pick(parse_json('{"a":1,"b":2,"c":3}'), 'a', 'b')""",
        rows('{"a":1,"b":2}'),
    ),
    Case(
        SQL + "functions/object_insert",
        "an object with one more key",
        """select object_insert(parse_json('{"b":1}'), 'a', 2)""",
        rows('{"a":2,"b":1}'),
    ),
    Case(
        SQL + "functions/object_insert",
        "an object with another value for a key, whole; NULL takes the key out",
        """select
            object_insert(parse_json('{"a":{"x":1},"b":1}'), 'a', parse_json('{"y":2}'), true),
            object_insert(parse_json('{"a":1,"b":2}'), 'b', null, true)""",
        [('{"a":{"y":2},"b":1}', '{"a":1}')],
    ),
    Case(
        SQL + "functions/object_construct",
        "an object is made without its NULL values",
        "select object_construct('b', 1, 'a', null)",
        rows('{"b":1}'),
    ),
    Case(
        KEY_ORDER,
        "an object of a whole row has sorted keys",
        "select object_construct(*) from (select 2 as b, 1 as a)",
        rows('{"A":1,"B":2}'),
    ),
    Case(
        KEY_ORDER,
        "an object of many rows has sorted keys",
        "select object_agg(column1, column2) from values ('b', 1), ('a', 2)",
        rows('{"a":2,"b":1}'),
    ),
    Case(
        SQL + "functions/to_variant",
        "a text becomes a text, not what it would be as JSON",
        "select typeof('1'::variant), typeof(to_variant('1')), typeof(1::variant), null::variant",
        [("VARCHAR", "VARCHAR", "INTEGER", None)],
    ),
    Case(
        SQL + "functions/array_agg",
        "an array is made in order and without NULL",
        "select array_agg(x) within group (order by x desc) "
        "from (select column1 as x from values (1), (null), (3))",
        rows("[3,1]"),
    ),
    Case(
        SQL + "functions/flatten",
        "flatten gives one row for each member",
        f"select key, path, index, value "
        f"from table(flatten(input => parse_json('{PAYLOAD}'))) order by path",
        [
            ("a", "a", None, "1"),
            ("b", "b", None, "[77,88]"),
            ("c", "c", None, '{"d":"X"}'),
        ],
    ),
    Case(
        SQL + "functions/flatten",
        "flatten begins at its path",
        f"select key, path, index, value "
        f"from table(flatten(input => parse_json('{PAYLOAD}'), path => 'b')) order by path",
        [(None, "b[0]", 0, "77"), (None, "b[1]", 1, "88")],
    ),
    Case(
        SQL + "functions/flatten",
        "flatten goes down when recursive",
        f"select path, key, index from "
        f"table(flatten(input => parse_json('{PAYLOAD}'), recursive => true)) order by path",
        [
            ("a", "a", None),
            ("b", "b", None),
            ("b[0]", None, 0),
            ("b[1]", None, 1),
            ("c", "c", None),
            ("c.d", "d", None),
        ],
    ),
    Case(
        SQL + "functions/flatten",
        "flatten looks into objects only when told so",
        f"select path from table(flatten(input => parse_json('{PAYLOAD}'), "
        "recursive => true, mode => 'object')) order by path",
        rows("a", "b", "c", "c.d"),
    ),
    Case(
        SQL + "functions/flatten",
        "flatten of nothing gives a row only when outer",
        """select o.name, f.key, f.value
        from (select 'none' as name, parse_json('[]') as v) as o,
        lateral flatten(input => o.v, outer => true) as f""",
        [("none", None, None)],
    ),
    Case(
        SQL + "functions/flatten",
        "flatten of nothing gives no row",
        """select f.value from (select parse_json('[]') as v) as o,
        lateral flatten(input => o.v) as f""",
        [],
    ),
    Case(
        SQL + "functions/hash_agg",
        "no rows hash to 0",
        "select hash_agg(*), hash_agg(id) from events where false",
        [(0, 0)],
        before=EVENTS,
    ),
    Case(
        SQL + "functions/hash_agg",
        "the order of rows does not change their hash, a row and a copy do",
        """with one as (select hash_agg(*) as h from values (1, 'a'), (2, null)),
        other as (select hash_agg(*) as h from values (2, null), (1, 'a')),
        more as (select hash_agg(*) as h from values (2, null), (1, 'a'), (1, 'a'))
        select one.h = other.h, one.h = more.h from one, other, more""",
        [(True, False)],
    ),
    Case(
        SQL + "functions/hash_agg",
        "distinct rows hash once",
        """select
            (select hash_agg(distinct column1) from values (1), (2))
            = (select hash_agg(distinct column1) from values (1), (2), (1))""",
        rows(True),
    ),
    Case(
        SQL + "functions/md5",
        "md5 in hexadecimal",
        "select md5('Snowflake')",
        rows("edf1439075a83a447fb8b630ddc9c8de"),
    ),
    Case(
        SQL + "functions/sha2",
        "sha2 of the bytes in UTF-8 in hexadecimal",
        "select sha2('a', 256), sha2('', 256), sha2('ü'), sha2(null, 256)",
        # the first is the example of docs.snowflake.com, the second that of FIPS 180-4
        [
            (
                "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                hashlib.sha256("ü".encode()).hexdigest(),
                None,
            )
        ],
    ),
    Case(
        SQL + "functions/md5_number_lower64",
        "the lower half of md5 is an unsigned number",
        "select md5_number_lower64('abc')",
        rows(int("d6963f7d28e17f72", 16)),
    ),
    Case(
        SQL + "functions/sha2",
        "sha2 has 256 bits",
        "select sha2('Snowflake', 256)",
        rows("1dbd59f661d68b90724f21084396b865497173e4d2714f4d91cf05fa5fc5e18d"),
    ),
    Case(
        SQL + "functions/to_decimal",
        "X in a format is a hexadecimal digit",
        "select to_number('ae5', 'XXX'), to_number('FFFFFFFF', 'XXXXXXXX'), to_number(null, 'X')",
        [(2789, 4294967295, None)],
    ),
    Case(
        SQL + "operators-arithmetic",
        "a quotient of exact numbers has six digits more than the dividend",
        "select 1 / 3, 2.00 / 3",
        [(0.333333, 0.66666667)],
    ),
    Case(
        SQL + "functions/div0",
        "a division by zero is an error, or 0 where that is said",
        "select div0(1, 0)",
        rows(0),
    ),
    Case(SQL + "functions/div0", "division by zero", "select 1 / 0", error=100051),
    Case(
        SQL + "functions/sum",
        "a sum of whole numbers is exact",
        "select sum(column1) from values (9007199254740993), (1)",
        rows(9007199254740994),
    ),
    Case(
        SQL + "functions/sum",
        "a sum of decimals is exact",
        "select sum(x) from (select column1::decimal(10, 2) as x from values (0.1), (0.2))",
        rows(Decimal("0.30")),
    ),
    Case(
        SQL + "functions/avg",
        "an average of whole numbers has six digits",
        "select avg(column1) from values (1), (1), (2)",
        rows(1.333333),
    ),
    Case(
        SQL + "functions/is-distinct-from",
        "NULL is not distinct from NULL",
        "select null is distinct from null, 1 is not distinct from null, equal_null(null, null)",
        [(False, False, True)],
    ),
    Case(
        SQL + "constructs/qualify",
        "qualify keeps one row of each group",
        """select i, p from (select column1 as i, column2 as p, column3 as o
            from values (1, 'A', 1), (2, 'A', 2), (3, 'B', 1), (4, 'B', 2))
        qualify row_number() over (partition by p order by o) = 1 order by i""",
        [(1, "A"), (3, "B")],
    ),
    Case(
        SQL + "constructs/order-by",
        "NULL is the greatest value",
        "select column1 from values (1), (null), (2) order by column1",
        rows(1, 2, None),
    ),
    Case(
        SQL + "constructs/order-by",
        "NULL is first in descending order",
        "select column1 from values (1), (null), (2) order by column1 desc",
        rows(None, 2, 1),
    ),
    Case(
        SQL + "constructs/group-by",
        "group by all and order by all",
        "select column1, count(*) from values ('a'), ('b'), ('a') group by all order by all",
        [("a", 2), ("b", 1)],
    ),
    Case(
        SQL + "functions/listagg",
        "listagg of no rows is an empty text",
        "select listagg(name, ',') from events where false",
        rows(""),
        before=EVENTS,
    ),
    Case(
        SQL + "functions/concat",
        "a concatenation with NULL is NULL",
        "select 'a' || null, concat('a', null), concat_ws('|', 'a', null)",
        [(None, None, None)],
    ),
    Case(
        SQL + "functions/regexp_like",
        "a pattern matches the whole text",
        "select regexp_like('xabc', 'a.c'), regexp_like('abc', 'a.c')",
        [(False, True)],
    ),
    Case(
        SQL + "functions/ratio_to_report",
        "the share of a total",
        "select column1, ratio_to_report(column1) over () from values (1), (3) order by 1",
        [(1, 0.25), (3, 0.75)],
    ),
    Case(
        SQL + "functions/conditional_true_event",
        "a number that grows where a condition holds",
        "select column1, conditional_true_event(column1 > 1) over (order by column1) "
        "from values (1), (2), (3) order by 1",
        [(1, 0), (2, 1), (3, 2)],
    ),
]

# What the package calls and DuckDB has by the same name, but for what is said of it
FUNCTIONS = [
    Case(
        SQL + "functions/pow",
        "a number to a power",
        "select power(2, 3), power(2, 0.5)",
        [(8, 2**0.5)],
    ),
    Case(SQL + "functions/abs", "a number without its sign", "select abs(0), abs(-10)", [(0, 10)]),
    Case(
        SQL + "functions/cast",
        "a cast rounds half away from zero",
        "select cast('1.2345' as decimal(15, 5)), cast(2.5 as int), cast(-1.5 as int)",
        [(Decimal("1.23450"), 3, -2)],
    ),
    Case(
        SQL + "functions/coalesce",
        "the first value that is not NULL",
        "select coalesce(1, 2, null), coalesce(null, 2, 3), coalesce(null, null)",
        [(1, 2, None)],
    ),
    Case(
        SQL + "functions/count",
        "NULL is not counted, but for the star, and equal values once when distinct",
        "select count(*), count(column1), count(distinct column1) "
        "from values (1), (null), (1), (3)",
        [(4, 3, 2)],
    ),
    Case(
        SQL + "functions/current_database",
        "the database of the session",
        "select current_database()",
        rows("ANALYTICS"),
    ),
    Case(
        SQL + "functions/current_role",
        "the role of the session",
        "select current_role()",
        rows("ACCOUNTADMIN"),
    ),
    Case(
        SQL + "functions/current_schema",
        "the schema of the session",
        "select current_schema()",
        rows("PUBLIC"),
        before=["use schema analytics.public"],
    ),
    Case(
        SQL + "functions/current_timestamp",
        "the time that it is, in the session's time zone",
        "select current_timestamp() between "
        f"'{datetime.now(UTC) - timedelta(minutes=1)}'::timestamp_tz "
        f"and '{datetime.now(UTC) + timedelta(hours=6)}'::timestamp_tz, "
        "right(current_timestamp()::varchar, 5)",
        [(True, "+0530")],
        before=["alter session set timezone = 'Asia/Kolkata'"],
    ),
    Case(
        SQL + "functions/current_user",
        "the user who logged in",
        "select current_user()",
        rows("TESTER"),
    ),
    Case(
        SQL + "functions/current_warehouse",
        "the warehouse of the session",
        "select current_warehouse()",
        rows("TRANSFORMING"),
    ),
    Case(
        SQL + "functions/date_trunc",
        "a timestamp without what is less than a part, and a date stays one",
        "select date_trunc('hour', '2015-05-08 23:39:20.123'::timestamp_ntz), "
        "date_trunc('quarter', '2015-05-08 23:39:20.123'::timestamp_ntz), "
        "date_trunc('month', '2015-05-08'::date)",
        [(datetime(2015, 5, 8, 23), datetime(2015, 4, 1), date(2015, 5, 1))],
    ),
    Case(
        SQL + "functions/first_value",
        "the first value of a group in order",
        "select column1, column2, first_value(column2) over "
        "(partition by column1 order by column2 nulls last) "
        "from values (1, 10), (1, 11), (2, 20), (2, 21) order by 1, 2",
        [(1, 10, 10), (1, 11, 10), (2, 20, 20), (2, 21, 20)],
    ),
    Case(
        SQL + "functions/floor",
        "the whole number below, or that of tens and hundreds",
        "select floor(135.135), floor(-975.975), floor(135.135, -2), floor(-975.975, -2)",
        [(135, -976, 100, -1000)],
    ),
    Case(
        SQL + "functions/greatest",
        "the greatest value, and NULL where one is NULL",
        "select greatest(1, 3, 0, 4), greatest(1, null, 3), greatest('a', 'b')",
        [(4, None, "b")],
    ),
    Case(
        SQL + "functions/is_role_in_session",
        "a role that is active, and one that is not",
        "select is_role_in_session('ACCOUNTADMIN'), is_role_in_session('NOBODY')",
        [(True, False)],
    ),
    Case(
        SQL + "functions/lead",
        "the value of the next row, or of a later one, or what is said instead",
        "select column1, lead(column1) over (order by column1), "
        "lead(column1, 2, 0) over (order by column1) from values (1), (5), (3) order by 1",
        [(1, 3, 5), (3, 5, 0), (5, None, 0)],
    ),
    Case(
        SQL + "functions/least",
        "the least value, and NULL where one is NULL",
        "select least(1, 3, 0, 4), least(1, null, 3)",
        [(0, None)],
    ),
    Case(
        SQL + "functions/length",
        "a text has the length of its characters",
        "select length(''), length('joyeux'), length('Jyväskylä'), length('圣诞节快乐'), "
        "length(null)",
        [(0, 6, 9, 5, None)],
    ),
    Case(
        SQL + "functions/lower",
        "a text in small letters",
        "select lower('The Quick Gray Fox'), lower('Älä')",
        [("the quick gray fox", "älä")],
    ),
    Case(
        SQL + "functions/upper",
        "a text in capitals",
        "select upper('The Quick Gray Fox'), upper('älä')",
        [("THE QUICK GRAY FOX", "ÄLÄ")],
    ),
    Case(
        SQL + "functions/ltrim",
        "characters or blanks are taken off the beginning",
        "select ltrim('#000000123', '0#'), ltrim('  a ')",
        [("123", "a ")],
    ),
    Case(
        SQL + "functions/rtrim",
        "characters or blanks are taken off the end",
        "select rtrim('*-*ABC-*-', '*-'), rtrim('  a ')",
        [("*-*ABC", "  a")],
    ),
    Case(
        SQL + "functions/trim",
        "characters or blanks, and no other white space, are taken off both ends",
        r"select trim('❄-❄ABC-❄-', '❄-'), trim('  a '), trim('\ta\t')",
        [("ABC", "a", "\ta\t")],
    ),
    Case(
        SQL + "functions/max",
        "the greatest value of a group, without NULL",
        "select max(column1), max(column2) from values (100, null), (500, null), (null, null)",
        [(500, None)],
    ),
    Case(
        SQL + "functions/min",
        "the least value of a group, without NULL",
        "select min(column1), min(column2) from values (100, null), (500, null), (null, null)",
        [(100, None)],
    ),
    Case(
        SQL + "functions/mod",
        "a remainder has the sign of the dividend",
        "select mod(3, 2), mod(4.5, 1.2), mod(-7, 3)",
        [(1, Decimal("0.9"), -1)],
    ),
    Case(
        SQL + "functions/nullif",
        "equal values are NULL",
        "select nullif(0, 0), nullif(0, 1), nullif(0, null), nullif(null, 0)",
        [(None, 0, 0, None)],
    ),
    Case(
        SQL + "functions/repeat",
        "a text several times",
        "select repeat('xy', 5), repeat('xy', 0)",
        [("xyxyxyxyxy", "")],
    ),
    Case(
        SQL + "functions/replace",
        "every occurrence of a text is replaced, or left out",
        "select replace('down', 'down', 'up'), replace('Vacation in Athens', 'Athens', 'Rome'), "
        "replace('abcdabcd', 'bc')",
        [("up", "Vacation in Rome", "adad")],
    ),
    Case(
        SQL + "functions/round",
        "half is rounded away from zero, unless to even is said",
        "select round(135.135), round(-975.975), round(135.135, 1), round(135.135, -2), "
        "round(2.5), round(-2.5), round(2.5, 0, 'HALF_TO_EVEN')",
        [(135, -976, Decimal("135.1"), 100, 3, -3, 2)],
    ),
    Case(
        SQL + "functions/row_number",
        "rows are numbered within their group, from 1",
        "select column1, column2, row_number() over (partition by column1 order by column2 desc) "
        "from values ('a', 1), ('a', 2), ('b', 1) order by 1, 2",
        [("a", 1, 2), ("a", 2, 1), ("b", 1, 1)],
    ),
    Case(
        SQL + "functions/split_part",
        "a part by its number, 0 for 1, from the end when negative, and empty when out of range",
        "select split_part('127.0.0.1', '.', 1), split_part('127.0.0.1', '.', -1), "
        "split_part('|a|b|c|', '|', 0), split_part('|a|b|c|', '|', 2), "
        "split_part('127.0.0.1', '.', 5), split_part('user@example.com', '', 1)",
        [("127", "1", "", "a", "", "user@example.com")],
    ),
    Case(
        SQL + "functions/sqrt",
        "a square root is a floating point number",
        "select sqrt(0), round(sqrt(2), 9), round(sqrt(10), 8), sqrt(null)",
        [(0.0, 1.414213562, 3.16227766, None)],
    ),
    Case(
        SQL + "functions/sqrt",
        "the square root of a negative number is an error",
        "select sqrt(column1) from values (-1)",
        error=100038,
    ),
    Case(
        SQL + "functions/startswith",
        "whether a text begins with another",
        "select column1 from values ('coffee'), ('ice tea'), ('latte'), ('tea'), (null) "
        "where startswith(column1, 'te')",
        rows("tea"),
    ),
    Case(
        SQL + "functions/substr",
        "a part of a text from a place, from the end when negative",
        "select substr('testing 1 2 3', 9, 5), substr('mystring', 0, 2), substr('mystring', -3), "
        "substr('mystring', 3, -1), substr('mystring', 10)",
        [("1 2 3", "my", "ing", "", "")],
    ),
    Case(
        SQL + "functions/system_cancel_all_queries",
        "a session that runs nothing has nothing cancelled",
        "select system$cancel_all_queries(1065153872298)",
        rows("0 cancelled."),
    ),
    Case(
        SQL + "functions/to_date",
        "a date of a text, by a format, of digits, and of a timestamp",
        "select to_date('2024-05-10'), to_date('2024.05.10', 'YYYY.MM.DD'), to_date('31536000'), "
        "to_date('2012-07-25 10:11:12'::timestamp_ntz), to_date(null)",
        [(date(2024, 5, 10), date(2024, 5, 10), date(1971, 1, 1), date(2012, 7, 25), None)],
    ),
    Case(
        SQL + "functions/to_json",
        "a variant as text: JSON null is a text, NULL is none",
        """select to_json(parse_json('{"a": [1, "x"]}')), to_json(parse_json('null')), """
        "to_json(null), to_json(parse_json(''))",
        [('{"a":[1,"x"]}', "null", None, None)],
    ),
    Case(
        SQL + "functions/translate",
        "characters are replaced by those in the same place, or left out where there are none",
        "select translate('peña', 'ñ', 'n'), translate('❄a❄bX❄dYZ❄', 'XYZ❄', 'cef')",
        [("pena", "abcdef")],
    ),
    Case(
        SQL + "functions/translate",
        "more characters to put in than to take out are an error",
        "select translate(column1, 'ab', 'xyz') from values ('abc')",
        error=100038,
    ),
    Case(
        SQL + "functions/query_history",
        "the history has the latest statements, as many as are asked for and no more than 100",
        "select h.query_text from table(information_schema.query_history(result_limit => 1)) as h "
        "union all select count(*)::varchar from table(information_schema.query_history()) "
        "union all select count(*)::varchar from table(information_schema.query_history("
        "result_limit => 102, end_time_range_start => dateadd('day', -1, current_timestamp()))) "
        "union all select count(*)::varchar from table(information_schema.query_history("
        "end_time_range_end => dateadd('day', -1, current_timestamp()))) order by 1",
        rows("0", "100", "102", "select 'latest'"),
        before=[*["select 'earlier'"] * 102, "select 'latest'"],
    ),
]

TIMES = [
    Case(
        SQL + "functions/dateadd",
        "two years later, and a day before",
        "select dateadd(year, 2, '2013-05-08'::date), "
        "dateadd('day', -1, '2026-03-01'::timestamp_ntz)",
        [(date(2015, 5, 8), datetime(2026, 2, 28))],
    ),
    Case(
        SQL + "data-types-datetime",
        "NULL stays NULL and 1970 stays 1970",
        "select null::timestamp_ntz, '1970-01-01'::timestamp_ntz, null::timestamp_tz, null::date",
        [(None, datetime(1970, 1, 1), None, None)],
    ),
    Case(
        SQL + "data-types-datetime",
        "a time before 1970 keeps its microseconds",
        "select '1969-12-31 23:59:59.999999'::timestamp_ntz",
        rows(datetime(1969, 12, 31, 23, 59, 59, 999999)),
    ),
    Case(
        SQL + "parameters",
        "a time without a zone is in the session's time zone",
        "select '2026-01-01 00:00:00'::timestamp_tz = '2026-01-01 05:00:00 +00:00'::timestamp_tz",
        rows(True),
        before=["alter session set timezone = 'America/New_York'"],
    ),
    Case(
        SQL + "parameters",
        "an instant is shown in the session's time zone",
        "select '2026-07-01 12:00:00 +00:00'::timestamp_ltz",
        rows(datetime(2026, 7, 1, 8, tzinfo=timezone(timedelta(hours=-4)))),
        before=["alter session set timezone = 'America/New_York'"],
    ),
    Case(
        SQL + "parameters",
        "an unknown time zone is an error",
        "alter session set timezone = 'Nowhere/Land'",
        error=1008,
    ),
    Case(
        SQL + "functions/convert_timezone",
        "an instant in another time zone",
        "select convert_timezone('UTC', '2026-01-01 00:00:00 +02:00'::timestamp_tz)::timestamp_ntz",
        rows(datetime(2025, 12, 31, 22)),
    ),
    Case(
        SQL + "functions/convert_timezone",
        "an instant in another time zone as text",
        "select to_varchar(convert_timezone('UTC', t), 'YYYY-MM-DD HH24:MI') "
        "from (select '2026-01-01 00:00:00 +02:00'::timestamp_tz as t)",
        rows("2025-12-31 22:00"),
    ),
    Case(
        SQL + "functions/to_char",
        "a timestamp as text has milliseconds",
        "select at::varchar, to_varchar(at) from events where id = 1",
        [("2026-01-01 10:00:00.000", "2026-01-01 10:00:00.000")],
        before=EVENTS,
    ),
    Case(
        SQL + "functions/to_char",
        "a local time as text is in the session's time zone",
        "select t::timestamp_ltz::varchar, to_varchar(t::timestamp_ltz, 'YYYY-MM-DD HH24:MI') "
        "from (select '2026-01-01 10:00:00 +00:00'::timestamp_tz as t)",
        [("2026-01-01 15:30:00.000 +0530", "2026-01-01 15:30")],
        before=["alter session set timezone = 'Asia/Kolkata'"],
    ),
    Case(
        SQL + "functions/to_char",
        "a timestamp as text by a format",
        """select to_varchar(at, 'YYYYMMDD"T"HH24MI'), to_varchar(at, 'YYYY-MM-DD HH24:MI:SS.FF6')
        from events where id = 1""",
        [("20260101T1000", "2026-01-01 10:00:00.000000")],
        before=EVENTS,
    ),
    Case(
        SQL + "functions/to_timestamp",
        "a text of digits counts what its size says",
        "select to_timestamp_ntz('1767225600'), to_timestamp_ntz('1767225600000'), "
        "to_timestamp_ntz(1767225600123, 3)",
        [(datetime(2026, 1, 1), datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 123000))],
    ),
    Case(
        SQL + "functions/try_to_timestamp",
        "what is no time is NULL when tried",
        "select try_to_timestamp_ntz('bad'), try_to_timestamp_ntz('2026-01-01')",
        [(None, datetime(2026, 1, 1))],
    ),
    Case(
        SQL + "functions/datediff",
        "a difference counts the borders that are crossed",
        "select datediff(hour, '2026-01-01 00:59:00'::timestamp_ntz, "
        "'2026-01-01 01:01:00'::timestamp_ntz)",
        rows(1),
    ),
    Case(
        SQL + "functions/date_part",
        "microseconds since 1970",
        "select date_part(epoch_microsecond, '2026-01-01 00:00:00.000001'::timestamp_ntz)",
        rows(1767225600000001),
    ),
    Case(
        SQL + "functions/time_slice",
        "the beginning of a slice of time",
        "select time_slice('2026-01-01 03:14:05'::timestamp_ntz, 15, 'MINUTE')",
        rows(datetime(2026, 1, 1, 3)),
    ),
]

MERGE = (
    "create table target (k int, v varchar)",
    "insert into target values (0, 'old'), (1, 'old')",
    "create table source (k int, v varchar)",
)
# what Snowflake does not evaluate
EVALUATED_NOT = {
    "a correlated value that is no aggregate": (
        "select (select d.n from details as d where d.id = e.id) as n from events as e"
    ),
    "a correlated value for each group": (
        "select id from events as e "
        "where id = (select max(d.n) from details as d where d.id = e.id group by d.n)"
    ),
    "a correlated value with a limit": (
        "select id from events as e "
        "where id = (select max(d.n) from details as d where d.id = e.id limit 1)"
    ),
    "IN with a limit": (
        "select id from events where id in (select id from details order by n limit 1)"
    ),
    "IN in an OR": "select id from events where id in (select id from details) or id = 2",
    "IN as a value": "select id in (select id from details) as is_there from events",
    "ANY in an OR": "select id from events where id = any (select id from details) or id = 2",
    "ALL of a CASE": (
        "select case when id <> all (select id from details) then 1 end as is_there from events"
    ),
    "EXISTS with a limit": "select id from events where exists (select 1 from details limit 1)",
    "EXISTS with a fetch": (
        "select id from events where exists (select 1 from details fetch first 1 rows only)"
    ),
    "a correlated EXISTS as a value": (
        "select exists (select 1 from details as d where d.id = e.id) as is_there from events as e"
    ),
    "a correlated EXISTS in an OR": (
        "select id from events as e "
        "where exists (select 1 from details as d where d.id = e.id) or id = 2"
    ),
    "a correlated condition of a join": (
        "select e.id from events as e inner join events as o "
        "on exists (select 1 from details as d where d.id = e.id and d.n = o.id)"
    ),
}
DETAILS = ("create table details (id int, n int)", "insert into details values (1, 7), (1, 2)")
SUBQUERIES = "user-guide/querying-subqueries, sql-reference/operators-subquery"

STATEMENTS = [
    *(
        Case(SUBQUERIES, law, sql, before=[*EVENTS, *DETAILS], error=2031)
        for law, sql in EVALUATED_NOT.items()
    ),
    Case(
        SUBQUERIES,
        "correlated conditions, correlated aggregates, and a limit of what is not correlated",
        "select id, (select max(n) from details order by 1 limit 1), "
        "exists (select 1 from details) from events as e "
        "where exists (select 1 from details as d where d.id = e.id) "
        "and (id = any (select d.id from details as d) and not id in (select n from details)) "
        "and id < (select sum(d.n) from details as d where d.id = e.id)",
        [(1, 7, True)],
        [*EVENTS, *DETAILS],
    ),
    Case(
        SQL + "sql/merge",
        "two source rows for one target row are an error",
        "merge into target using source on target.k = source.k "
        "when matched then update set v = source.v",
        before=[*MERGE, "insert into source values (0, 'a'), (0, 'b')"],
        error=100090,
    ),
    Case(
        SQL + "sql/merge",
        "source rows that no clause takes are no error",
        "select v from target order by k",
        rows("a", "old"),
        before=[
            *MERGE,
            "insert into source values (0, 'a'), (0, 'b')",
            "merge into target using source on target.k = source.k "
            "when matched and source.v = 'a' then update set v = source.v",
        ],
    ),
    Case(
        SQL + "sql/merge",
        "two source rows without a target row are both inserted",
        "merge into target using source on target.k = source.k "
        "when matched then update set v = source.v "
        "when not matched then insert (k, v) values (source.k, source.v)",
        [(2, 1)],
        before=[*MERGE, "insert into source values (7, 'a'), (7, 'b'), (1, 'c')"],
    ),
    Case(
        SQL + "sql/merge",
        "a NULL key matches nothing",
        "merge into target using source on target.k = source.k "
        "when not matched then insert (k, v) values (source.k, source.v)",
        rows(1),
        before=[
            *MERGE,
            "insert into target values (null, 'old')",
            "insert into source values (null, 'a')",
        ],
    ),
    Case(
        SQL + "sql/insert",
        "an insert counts its rows",
        "insert into events select id + 10, name, at from events",
        rows(2),
        before=EVENTS,
    ),
    Case(
        SQL + "sql/update",
        "an update counts its rows",
        "update events set name = 'z' where id = 1",
        [(1, 0)],
        before=EVENTS,
    ),
    Case(
        SQL + "sql/delete",
        "a delete counts its rows",
        "delete from events using (select 1 as id) as gone where events.id = gone.id",
        rows(1),
        before=EVENTS,
    ),
    Case(
        SQL + "transactions",
        "a rollback undoes what was written",
        "select count(*) from events",
        rows(2),
        before=[*EVENTS, "begin", "delete from events", "rollback"],
    ),
    Case(
        SQL + "transactions",
        "DDL commits the open transaction",
        "select count(*) from events",
        rows(0),
        before=[*EVENTS, "begin", "delete from events", "create table other (i int)", "rollback"],
    ),
    Case(
        SQL + "transactions",
        "TRUNCATE is DML",
        "select count(*) from events",
        rows(2),
        before=[*EVENTS, "begin", "truncate table events", "rollback"],
    ),
    Case(
        SQL + "sql-ddl-summary",
        "and so does a comment",
        "select count(*) from events",
        rows(0),
        before=[
            *EVENTS,
            "begin",
            "delete from events",
            "comment on table events is ''",
            "rollback",
        ],
    ),
    Case(
        SQL + "transactions",
        "and so does a grant",
        "select count(*) from events",
        rows(0),
        before=[
            *EVENTS,
            "begin",
            "delete from events",
            "grant select on table events to role public",
            "rollback",
        ],
    ),
    Case(
        SQL + "transactions",
        "BEGIN in a transaction changes nothing",
        "select count(*) from events",
        rows(2),
        before=[*EVENTS, "begin", "delete from events", "begin", "rollback"],
    ),
    Case(
        SQL + "transactions",
        "a transaction reads what it wrote",
        "select count(*) from events",
        rows(0),
        before=[*EVENTS, "begin", "select * from events", "delete from events"],
    ),
    Case(
        SQL + "transactions",
        "a statement outside a transaction commits itself",
        "select count(*) from events",
        rows(0),
        before=[*EVENTS, "delete from events", "rollback"],
    ),
    Case(
        SQL + "identifiers-syntax",
        "a name without quotes is in upper case",
        "select table_name, column_name from information_schema.columns "
        "where table_name in ('EVENTS', 'events') and ordinal_position = 1",
        [("EVENTS", "ID")],
        before=EVENTS,
    ),
    Case(
        SQL + "identifiers-syntax",
        "a word that is reserved elsewhere is a name",
        "select at from (select 1 as at)",
        rows(1),
    ),
    Case(
        GUIDE + "tables-temp-transient",
        "a temporary table hides the permanent one of its name",
        "select count(*) from events",
        rows(0),
        before=[*EVENTS, "create temporary table events (id int)"],
    ),
    Case(
        GUIDE + "tables-temp-transient",
        "a temporary table that could not be made hides nothing",
        "select count(*) from events",
        rows(2),
        before=[*EVENTS, FAILS + "create temporary table events as select nothing"],
    ),
    Case(
        GUIDE + "tables-temp-transient",
        "the permanent one is there again when it is dropped",
        "select count(*) from events",
        rows(2),
        before=[*EVENTS, "create temporary table events (id int)", "drop table events"],
    ),
    Case(
        SQL + "sql/desc-table",
        "describe tells types and comments",
        "describe table described",
        [
            (name, kind, "COLUMN", null, None, "N", "N", None, None, comment, None, None)
            for name, kind, null, comment in (
                ("I", "NUMBER(38,0)", "N", "key"),
                ("D", "NUMBER(10,2)", "Y", None),
                ("F", "FLOAT", "Y", None),
                ("S", "VARCHAR(16777216)", "Y", None),
                ("V", "VARIANT", "Y", None),
                ("N", "TIMESTAMP_NTZ(9)", "Y", None),
                ("B", "BOOLEAN", "Y", None),
            )
        ],
        before=[
            "create table described (i int not null comment 'key', d decimal(10, 2), f float, "
            "s varchar, v variant, n timestamp_ntz, b boolean)",
        ],
    ),
    Case(
        SQL + "sql/create-table",
        "columns that are listed with their types take those of the query by place",
        "describe table typed",
        [
            (name, kind, "COLUMN", null, None, "N", "N", None, None, None, None, None)
            for name, kind, null in (
                ("A", "NUMBER(38,0)", "N"),
                ("B", "VARCHAR(16777216)", "Y"),
                ("C", "FLOAT", "Y"),
            )
        ],
        before=[
            "create or replace transient table typed (a bigint not null, b varchar, c double) "
            "copy grants as (select 1 as c, 2 as a, 3 as b)",
        ],
    ),
    Case(
        SQL + "sql/create-table",
        "the query of a table may not give null where the column has none",
        "create table typed (a bigint not null) as (select null as a)",
        error=100072,
    ),
    Case(
        SQL + "sql/create-table",
        "what is written later may not be null either",
        "insert into typed values (null)",
        before=["create table typed (a bigint not null) as (select 1)"],
        error=100072,
    ),
    Case(
        SQL + "sql/comment",
        "a comment is kept as it was written",
        "select comment from information_schema.tables where table_name = 'EVENTS'",
        rows('{"it\'s": "$1"}'),
        before=[*EVENTS, """comment on table events is $${"it's": "$1"}$$"""],
    ),
    Case(
        SQL + "sql/create-table",
        "a table that is replaced loses its comment",
        "select comment from information_schema.tables where table_name = 'EVENTS'",
        rows(None),
        before=[
            *EVENTS,
            "alter table events set comment = 'x'",
            "create or replace table events (i int)",
        ],
    ),
    Case(
        SQL + "sql/alter-table",
        "a table that is renamed keeps its comment",
        "select comment from information_schema.tables where table_name = 'EVENTS_OLD'",
        rows("x"),
        before=[
            *EVENTS,
            "alter table events set comment = 'x'",
            "alter table events rename to events_old",
        ],
    ),
    Case(
        SQL + "sql/alter-table",
        "two tables change their names at once",
        "select count(*) from other",
        rows(2),
        before=[*EVENTS, "create table other (i int)", "alter table events swap with other"],
    ),
    Case(
        SQL + "sql/create-clone",
        "a clone of a table is on its own",
        "select (select count(*) from events), (select count(*) from copied)",
        [(0, 2)],
        before=[*EVENTS, "create table copied clone events", "delete from events"],
    ),
    Case(
        SQL + "sql/create-view",
        "a view follows the table of its name",
        "select * from seen",
        rows(7),
        before=[
            "create table t as select 1 as i",
            "create view seen as select i from t",
            "create or replace table t as select 7 as i",
        ],
    ),
    Case(
        SQL + "sql/use-warehouse",
        "a warehouse that is not there",
        "use warehouse nowhere",
        error=2043,
    ),
    Case(SQL + "sql/use-role", "a role that is not there", "use role nobody", error=2043),
    Case(
        SQL + "sql/show-objects",
        "a schema that is not there",
        "show objects in schema analytics.nowhere",
        error=2043,
    ),
    Case(SQL + "sql/select", "a table that is not there", "select * from nowhere", error=2003),
]

PROCEDURE = """\
with summed as procedure ()
returns string
language python
runtime_version = '3.11'
packages = ('snowflake-snowpark-python')
handler = 'main'
as $$
from snowflake.snowpark import functions as F, types as T


def main(session):
    longer = F.udf(
        lambda payload: len(payload), return_type=T.IntegerType(),
        input_types=[T.VariantType()], session=session,
    )
    source = session.table("PAYLOADS")
    found = source.select("ID", longer(F.col("V")).alias("N")).filter(F.col("ID") > 0)
    found.write.mode("overwrite").save_as_table("LENGTHS", table_type="transient")
    return str(session.table("PENDING").count())
$$
call summed();
"""

REFUSED = (
    [
        Case(
            SQL + "sql/merge",
            "two source rows for one row to delete",
            "merge into target using source on target.k = source.k when matched then delete",
            before=[*MERGE, "insert into source values (0, 'a'), (0, 'b')"],
            error=2,
        )
    ]
    + [
        Case(GUIDE + "data-time-travel", what, sql, before=EVENTS, error=2)
        for what, sql in (
            ("time travel by offset", "select * from events at (offset => -60)"),
            ("time travel by statement", "select * from events before (statement => 'x')"),
            ("a clone in the past", "create table past clone events at (offset => -60)"),
            ("undrop", "undrop table events"),
            ("retention", "alter table events set data_retention_time_in_days = 7"),
            ("retention from the start", "create table t (a int) data_retention_time_in_days = 7"),
        )
    ]
    + [
        Case(page, what, sql, error=2)
        for page, what, sql in (
            (GUIDE + "streams-intro", "a stream", "create stream s on table t"),
            (GUIDE + "tasks-intro", "a task", "create task t schedule = '1 minute' as select 1"),
            (GUIDE + "data-load-snowpipe-intro", "a pipe", "create pipe p as copy into t from @s"),
            (
                GUIDE + "dynamic-tables-about",
                "a dynamic table",
                "create dynamic table d target_lag = '1 minute' warehouse = w as select 1",
            ),
            (
                SQL + "sql/alter-warehouse",
                "the size of a warehouse",
                "alter warehouse transforming set warehouse_size = 'LARGE'",
            ),
            (
                GUIDE + "tables-auto-reclustering",
                "clustering that is to rest",
                "alter table t suspend recluster",
            ),
            (
                DEVELOPER + "snowflake-scripting/blocks",
                "a block",
                "begin let x := 1; return x; end;",
            ),
            (
                SQL + "sql/execute-immediate",
                "a block as text",
                "execute immediate $$ begin return 1; end; $$",
            ),
            (
                SQL + "data-types-datetime",
                "the text of a time that keeps its offset",
                "select '2026-01-01 10:00:00 +02:00'::timestamp_tz::varchar",
            ),
            (
                SQL + "data-types-datetime",
                "the text by a format of a time that keeps its offset",
                "select to_varchar('2026-01-01 10:00:00 +02:00'::timestamp_tz, 'HH24:MI')",
            ),
            (SQL + "sql/create-view", "a secure view", "create secure view v as select 1 as a"),
            (
                SQL + "functions/flatten",
                "a path into an array",
                "select value from table(flatten(input => parse_json('[[1]]'), path => '[0]'))",
            ),
            (SQL + "sql/create-stage", "a stage", "create temporary stage s"),
            (SQL + "sql/put", "an upload", "put file:///tmp/x @s"),
            (SQL + "sql/copy-into-table", "a load", "copy into t from @stage"),
            (
                SQL + "functions/system_clustering_information",
                "the state of clustering",
                "select system$clustering_information('t')",
            ),
        )
    ]
)


def in_a_procedure(body: str) -> str:
    """A Python procedure that does one thing."""
    head, main, _ = PROCEDURE.partition("def main(session):\n")
    return f"{head}{main}    {body}\n$$\ncall summed();"


# Error of what Python raises in a procedure
IN_PYTHON = 100357
REFUSED += [
    Case(SQL + page, what, sql, before=before, error=2)
    for page, what, sql, before in (
        (
            "sql/create-clone",
            "a schema cloned in the past",
            "create schema past clone analytics.public at (offset => -60)",
            (),
        ),
        (
            "sql/create-clone",
            "a temporary clone",
            "create temporary table copied clone events",
            EVENTS,
        ),
        (
            "sql/alter-schema",
            "a swap of schemas of two databases",
            "alter schema analytics.public swap with elsewhere.public",
            (),
        ),
        (
            "sql/alter-table",
            "a swap of tables of two databases",
            "alter table analytics.public.t swap with elsewhere.public.t",
            ["create table analytics.public.t (i int)", "create table elsewhere.public.t (i int)"],
        ),
        (
            "sql/alter-view",
            "a view that moves",
            "alter view v rename to public.v",
            ["create view v as select 1 as i"],
        ),
        (
            "sql/alter-table",
            "a change of a temporary table",
            "alter table t add column j int",
            ["create temporary table t (i int)"],
        ),
        ("sql/create-sequence", "a temporary sequence", "create temporary sequence s", ()),
        (
            "transactions",
            "a commit after an error",
            "commit",
            [
                *EVENTS,
                "begin",
                "insert into events values (3, 'c', null)",
                FAILS + "select 1 / (id - 3) from events",
            ],
        ),
        ("sql/call-with", "a call in a transaction", PROCEDURE, ["begin"]),
        (
            "sql/grant-privilege",
            "a grant with the right to grant",
            "grant select on table events to role transformer with grant option",
            EVENTS,
        ),
        (
            "functions/query_history",
            "another argument of the history",
            "select query_text from table(information_schema.query_history("
            "include_client_generated_statement => true))",
            (),
        ),
        (
            "functions/query_history",
            "the history of a session",
            "select query_text from table(information_schema.query_history_by_session())",
            (),
        ),
        (
            "functions/query_history",
            "the history of a user",
            "select query_text from table(information_schema.query_history_by_user())",
            (),
        ),
        (
            "functions/query_history",
            "the history of a warehouse",
            "select query_text from table(information_schema.query_history_by_warehouse())",
            (),
        ),
        ("parameters", "a parameter", "alter session set log_level = 'INFO'", ()),
        (
            "parameters",
            "another first day of the week",
            "alter session set week_start = 1",
            (),
        ),
        (
            "sql/create-materialized-view",
            "a materialized view",
            "create materialized view v as select 1 as a",
            (),
        ),
        (
            "sql/create-masking-policy",
            "a policy",
            "create masking policy p as (v varchar) returns varchar -> v",
            (),
        ),
        ("sql/show-stages", "what stages there are", "show stages", ()),
        ("sql/create-file-format", "a file format", "create file format f type = csv", ()),
        ("sql/create-function", "a function", "create function f() returns int as '1'", ()),
        (
            "sql/create-procedure",
            "a procedure",
            "create procedure p() returns int language sql as 'begin return 1; end'",
            (),
        ),
        ("sql/alter-user", "a change of a user", "alter user tester set password = 'x'", ()),
        (
            "sql/alter-account",
            "a change of the account",
            "alter account set log_level = 'INFO'",
            (),
        ),
        ("sql/create-clone", "a clone of a database", "create database d clone analytics", ()),
        ("sql/explain", "a plan", "explain select 1", ()),
        (
            "constructs/match_recognize",
            "a pattern of rows",
            "select * from events match_recognize "
            "(order by id measures first(id) as f pattern (a) define a as id > 0)",
            EVENTS,
        ),
        (
            "functions/system_clustering_depth",
            "the depth of clustering",
            "select system$clustering_depth('t')",
            (),
        ),
        (
            "functions/system_stream_has_data",
            "the state of a stream",
            "select system$stream_has_data('s')",
            (),
        ),
        (
            "functions/system_pipe_status",
            "the state of a pipe",
            "select system$pipe_status('p')",
            (),
        ),
        ("functions/get_ddl", "a definition", "select get_ddl('table', 'events')", EVENTS),
        (
            "functions/copy_history",
            "what was loaded",
            "select file_name from table(information_schema.copy_history("
            "table_name => 'events', start_time => current_timestamp()))",
            EVENTS,
        ),
        (
            "functions/conditional_change_event",
            "a number that grows where a value changes",
            "select conditional_change_event(id) over (order by id) from events",
            EVENTS,
        ),
        (
            "functions/to_char",
            "a format that is a column",
            "select to_varchar(at, name) from events",
            EVENTS,
        ),
        (
            "functions/to_char",
            "an element of a format",
            "select to_varchar(at, 'Q') from events",
            EVENTS,
        ),
        (
            "functions/to_char",
            "an element of a format of a cast",
            "select to_varchar('2026-01-01'::timestamp_ntz, 'Q')",
            (),
        ),
        ("functions/to_char", "a format of numbers", "select to_varchar(12.5, '99.9')", ()),
        (
            "data-types-datetime",
            "the text by a format of a column that keeps its offset",
            "select to_varchar(t, 'HH24') from (select '2026-01-01 +02:00'::timestamp_tz as t)",
            (),
        ),
        (
            "functions/date_trunc",
            "a part of a date that is no cast",
            "select date_trunc('month', d) from (select '2015-05-08'::date as d)",
            (),
        ),
        (
            "functions/floor",
            "a number that a floating point number can't hold",
            "select floor(9007199254740993)",
            (),
        ),
        (
            "functions/substr",
            "a part from before the beginning",
            "select substr('abc', -5)",
            (),
        ),
    )
]
REFUSED += [
    Case(
        DEVELOPER + "snowpark/python/" + page,
        what,
        in_a_procedure(body),
        error=IN_PYTHON,
    )
    for page, what, body in (
        (
            "creating-udfs",
            "a vectorized function",
            "F.udf(lambda n: n, return_type=T.PandasSeriesType(T.IntegerType()), "
            "input_types=[T.PandasSeriesType(T.IntegerType())])",
        ),
        (
            "creating-udfs",
            "a function of places",
            "F.udf(lambda n: n, return_type=T.GeographyType(), input_types=[T.IntegerType()])",
        ),
        (
            "creating-udtfs",
            "a function of tables",
            "F.udtf(type('One', (), {'process': lambda self, n: [(n,)]}), "
            "output_schema=T.StructType([T.StructField('n', T.IntegerType())]), "
            "input_types=[T.IntegerType()])",
        ),
        (
            "creating-udafs",
            "a function of groups",
            "F.udaf(type('One', (), {}), return_type=T.IntegerType(), "
            "input_types=[T.IntegerType()])",
        ),
        (
            "creating-sprocs",
            "a procedure in a procedure",
            "F.sproc(lambda session: 1, return_type=T.IntegerType(), input_types=[])",
        ),
    )
]


@pytest.mark.parametrize("case", [*VALUES, *FUNCTIONS, *TIMES, *STATEMENTS], ids=str)
def test_answers_as_documented(session: SnowflakeConnection, case: Case) -> None:
    check(session, case)


def test_each_function_that_the_package_calls_has_a_case() -> None:
    """On the page that the list of functions names for it; an answer, unless it is refused."""
    with LISTED_FUNCTIONS.open(encoding="utf-8") as file:
        listed = {(row["function"], SQL + row["page"]) for row in csv.DictReader(file)}
    shown = {
        (name, case.page)
        for case in (*VALUES, *FUNCTIONS, *TIMES, *STATEMENTS, *REFUSED)
        for name in re.findall(r"[\w$]+(?=\()", case.sql.lower())
        if (name.upper() in refusals.FUNCTIONS) == (case in REFUSED)
    }
    assert listed - shown == set()


def test_what_is_not_imitated_is_refused(
    monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    """Each case is, and each refusal of the simulator has a case."""
    raised_at, messages = set[tuple[str, int]](), list[str]()
    make = errors.sql_error

    def noting(message: str, errno: int, sqlstate: str) -> ProgrammingError:
        caller = inspect.currentframe()
        assert caller is not None
        if (caller := caller.f_back) and caller.f_code is errors.not_imitated.__code__:
            caller = caller.f_back
            assert caller is not None
            raised_at.add((Path(caller.f_code.co_filename).name, caller.f_lineno))
        return make(message, errno, sqlstate)

    monkeypatch.setattr(errors, "sql_error", noting)
    with running_simulator(databases=["ANALYTICS", "ELSEWHERE"]) as simulator:
        for number, case in enumerate(REFUSED):
            with (
                subtests.test(case.law),
                simulator.connect(database="ANALYTICS") as connection,
            ):
                schema = f"case_{number}"
                run(connection, f"create schema {schema}", f"use schema {schema}", *case.before)
                with pytest.raises(DatabaseError, match=errors.NOT_IMITATED) as raised:
                    run(connection, case.sql)
                assert raised.value.errno == case.error
                messages.append(str(raised.value))
    assert refusals_in_code() - raised_at == set()
    said = "\n".join(messages)
    assert [what for what in errors.REFUSED_VALUES if what not in said] == []
    assert [what for what in udfs.REFUSED.values() if what not in said] == []
    found = [next((p for p, _ in refusals.PATTERNS if p.match(c.sql)), None) for c in REFUSED]
    assert [p.pattern for p, _ in refusals.PATTERNS if p not in found] == []
    called = " ".join(case.sql for case in REFUSED).upper()
    assert [name for name in refusals.FUNCTIONS if f"{name}(" not in called] == []


def refusals_in_code() -> set[tuple[str, int]]:
    """The file and the line of each place that refuses a statement."""
    return {
        (file.name, node.lineno)
        for file in Path(errors.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == errors.not_imitated.__name__
    }


# https://docs.snowflake.com/en/sql-reference/sql/alter-schema
def test_swapped_schemas_change_objects_comments_and_grants(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    run(
        session,
        "create role swap_reader",
        "create schema live",
        "create table live.t as select 'live' as is_from",
        "create view live.unqualified as select is_from from t",
        "create view live.qualified as select is_from from analytics.live.t",
        "create schema candidate clone live",
        "comment on table candidate.t is 'marker'",
        "update candidate.t set is_from = 'candidate'",
        "grant usage on database analytics to role swap_reader",
        "grant usage on schema live to role swap_reader",
        "grant select on table live.t to role swap_reader",
        "create role swap_owner",
        "grant ownership on schema candidate to role swap_owner",
        "grant ownership on table candidate.t to role swap_owner",
        "alter schema live swap with candidate",
    )
    for owners in (
        "select schema_name, schema_owner from information_schema.schemata",
        "select table_schema, table_owner from information_schema.tables where table_name = 'T'",
    ):
        found = dict(run(session, owners))
        assert (found["LIVE"], found["CANDIDATE"]) == ("SWAP_OWNER", "ACCOUNTADMIN"), owners
    assert run(session, "select is_from from live.t") == [("candidate",)]
    assert run(session, "select is_from from candidate.t") == [("live",)]
    assert run(session, "select is_from from live.unqualified") == [("candidate",)]
    # the view that is in candidate now names live.t in full
    assert run(session, "select is_from from candidate.qualified") == [("candidate",)]
    comments = run(
        session,
        "select table_schema, comment from information_schema.tables "
        "where table_name = 'T' and table_schema in ('LIVE', 'CANDIDATE') order by 1",
    )
    assert comments == [("CANDIDATE", None), ("LIVE", "marker")]
    with snowflake_simulator.connect(database="ANALYTICS", role="SWAP_READER") as reader:
        with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
            run(reader, "select is_from from live.t")
        assert run(reader, "select is_from from candidate.t") == [("live",)]
    run(session, "drop schema live", "drop schema candidate")


# https://docs.snowflake.com/en/sql-reference/sql/create-clone
# https://docs.snowflake.com/en/user-guide/security-access-control-configure
def test_a_cloned_schema_keeps_the_grants_of_its_children_and_of_those_to_come(
    session: SnowflakeConnection,
) -> None:
    run(
        session,
        "create role clone_reader",
        "create schema original",
        "create table original.t as select 1 as i",
        "grant usage on schema original to role clone_reader",
        "grant select on table original.t to role clone_reader",
        "grant insert on future tables in schema original to role clone_reader",
        "create schema copied clone original",
        "create table copied.later (i int)",
        "create table copied.of_original clone original.t copy grants",
    )
    granted = [
        {row[1] for row in run(session, f"show grants on {what}") if row[5] == "CLONE_READER"}
        for what in (
            "schema original",
            "schema copied",
            "table copied.t",
            "table copied.later",
            "table copied.of_original",
        )
    ]
    assert granted == [{"USAGE"}, set(), {"SELECT"}, {"INSERT"}, {"SELECT"}]
    run(session, "drop schema copied", "create schema copied")
    assert run(session, "show future grants in schema copied") == []
    run(session, "drop schema original", "drop schema copied")


# https://docs.snowflake.com/en/sql-reference/sql/create-clone, user-guide/object-clone
def test_a_cloned_schema_keeps_constraints_defaults_comments_and_views(
    session: SnowflakeConnection,
) -> None:
    run(
        session,
        "create schema original",
        "create table original.t (i int not null, d int default 7, s varchar comment 'text')",
        "comment on table original.t is 'events'",
        "create view original.unqualified as select d from t",
        "create view original.qualified as select d from analytics.original.t",
        "create schema copied clone original",
    )
    described = run(session, "describe table original.t")
    assert run(session, "describe table copied.t") == described
    commented = (
        "select table_schema, comment from information_schema.tables where table_name = 'T' "
        "and table_schema in ('COPIED', 'ORIGINAL') order by 1"
    )
    assert run(session, commented) == [("COPIED", "events"), ("ORIGINAL", "events")]
    run(session, "insert into copied.t (i) values (1)")
    with pytest.raises(DatabaseError) as raised:
        run(session, "insert into copied.t (i) values (null)")
    assert raised.value.errno == 100072
    assert run(session, "select d from copied.unqualified") == [(7,)]
    # a name in full still means the table that was cloned
    assert run(session, "select d from copied.qualified") == []
    run(session, "drop schema original", "drop schema copied")


# https://docs.snowflake.com/en/sql-reference/sql/alter-schema
def test_a_renamed_schema_keeps_what_it_holds(session: SnowflakeConnection) -> None:
    run(
        session,
        "create role rename_reader",
        "create schema before_it",
        "create table before_it.t as select 1 as i",
        "create view before_it.v as select i from t",
        "grant select on table before_it.t to role rename_reader",
        "alter schema before_it rename to after_it",
    )
    assert run(session, "select i from after_it.v") == [(1,)]
    granted = run(session, "show grants on table after_it.t")
    assert ("SELECT", "RENAME_READER") in {(row[1], row[5]) for row in granted}
    with pytest.raises(ProgrammingError):
        run(session, "select i from before_it.t")
    run(session, "drop schema after_it")


# https://docs.snowflake.com/en/sql-reference/sql/grant-privilege, grant-ownership, grant-role
def test_grants_on_what_is_to_come_ownership_and_inherited_roles(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    schema = session.schema
    run(
        session,
        "create role analyst",
        "create role lead",
        "grant role analyst to role lead",
        "grant usage on database analytics to role analyst",
        f"grant usage on schema {schema} to role analyst",
        f"grant select on future tables in schema {schema} to role analyst",
        "create table t as select 1 as i",
    )
    place = {"database": "ANALYTICS", "schema": schema, "role": "LEAD"}
    with snowflake_simulator.connect(**place) as lead:
        assert run(lead, "select i from t") == [(1,)]
        with pytest.raises(ProgrammingError, match="Insufficient privileges"):
            run(lead, "truncate table t")
        run(session, "grant ownership on table t to role lead copy current grants")
        run(lead, "truncate table t")
        assert run(lead, "select i from t") == []


# https://docs.snowflake.com/en/sql-reference/sql/grant-ownership
def test_another_owner_takes_over_the_grants_or_they_are_revoked(
    session: SnowflakeConnection,
) -> None:
    def readers() -> set[str]:
        return {row[5] for row in run(session, "show grants on table t") if row[1] == "SELECT"}

    run(
        session,
        "create role old_reader",
        "create role new_owner",
        "create table t (i int)",
        "grant select on table t to role old_reader",
    )
    with pytest.raises(ProgrammingError, match="Dependent grant of privilege 'SELECT'") as raised:
        run(session, "grant ownership on table t to role new_owner")
    assert raised.value.errno == 3036
    run(session, "grant ownership on table t to role new_owner copy current grants")
    assert readers() == {"OLD_READER"}
    run(session, "grant ownership on table t to role new_owner revoke current grants")
    assert readers() == set()


# https://docs.snowflake.com/en/sql-reference/info-schema, sql/show-tables
def test_what_a_role_has_no_privilege_on_is_not_listed(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    schema = session.schema
    run(
        session,
        "create role lister",
        "create role parent_of_lister",
        "grant role lister to role parent_of_lister",
        "create table listed (i int)",
        "create table not_listed (j int)",
        "create view listed_view as select i from listed",
        "create view not_listed_view as select j from not_listed",
        "grant usage on database analytics to role lister",
        f"grant usage on schema {schema} to role lister",
        "grant select on table listed to role lister",
        "grant insert on view listed_view to role lister",
        "create table owned (k int)",
        "grant ownership on table owned to role lister",
        "create table of_everybody (l int)",
        "grant select on table of_everybody to role public",
        f"create schema {schema}_hidden",
    )
    tables, views = [("LISTED",), ("OF_EVERYBODY",), ("OWNED",)], [("LISTED_VIEW",)]
    of_kinds = {"objects": sorted(tables + views), "tables": tables, "views": views}
    for role in ("LISTER", "PARENT_OF_LISTER"):
        place = {"database": "ANALYTICS", "schema": schema, "role": role}
        with snowflake_simulator.connect(**place) as lister:
            for view in ("tables", "columns"):
                query = f"select table_name from information_schema.{view} order by 1"
                assert run(lister, query) == of_kinds["objects"]
            query = "select table_name from information_schema.views order by 1"
            assert run(lister, query) == views
            query = (
                "select schema_name from information_schema.schemata "
                f"where startswith(schema_name, '{schema}') order by 1"
            )
            assert run(lister, query) == [(schema,)]
            for shown, names in of_kinds.items():
                found = run(lister, f"show terse {shown} in schema {schema}")
                assert [(row[1],) for row in found] == names
    assert len(run(session, f"show objects in schema {schema}")) == 6


# https://docs.snowflake.com/en/sql-reference/sql/grant-privilege, user-guide/
# security-access-control-privileges, release-notes/bcr-bundles/2023_08/bcr-1397
def test_future_grants_ask_for_manage_grants_or_for_managed_access(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    run(
        session,
        "create role schema_owner",
        "create role table_owner",
        "create role future_reader",
        "grant usage on database analytics to role schema_owner",
        "grant usage on database analytics to role table_owner",
        "create table t (i int)",
        "grant ownership on table t to role table_owner",
        f"grant usage on schema {session.schema} to role table_owner",
        f"grant ownership on schema {session.schema} to role schema_owner copy current grants",
    )
    place = {"database": "ANALYTICS", "schema": session.schema}
    on_future = f"select on future tables in schema {session.schema}"
    on_table = "grant select on table t to role future_reader"

    def refused(connection: SnowflakeConnection, *statements: str) -> None:
        for statement in statements:
            with pytest.raises(ProgrammingError, match="Insufficient privileges") as raised:
                run(connection, statement)
            assert raised.value.errno == 3001

    def managers() -> set[str]:
        shown = run(session, f"show grants on schema {session.schema}")
        return {row[5] for row in shown if row[1] == "MANAGE GRANTS"}

    with (
        snowflake_simulator.connect(**place, role="SCHEMA_OWNER") as owner,
        snowflake_simulator.connect(**place, role="TABLE_OWNER") as of_table,
    ):
        give, take = (
            f"{verb} {on_future} {to} role future_reader"
            for verb, to in (("grant", "to"), ("revoke", "from"))
        )
        refused(owner, give, take, f"alter schema {session.schema} enable managed access")
        run(owner, f"grant usage on schema {session.schema} to role future_reader")
        run(of_table, on_table)
        assert managers() == set()

        run(session, f"alter schema {session.schema} enable managed access")
        assert managers() == {"SCHEMA_OWNER"}
        run(owner, give, take, on_table)
        refused(of_table, on_table, give)

        run(session, f"alter schema {session.schema} disable managed access")
        refused(owner, give, "grant manage grants on account to role schema_owner")
        run(session, "grant manage grants on account to role schema_owner")
        shown = run(owner, "show grants to role schema_owner")
        assert ("MANAGE GRANTS", "ACCOUNT") in {(row[1], row[2]) for row in shown}
        run(owner, give, on_table)
    run(session, "revoke manage grants on account from role schema_owner")


# https://docs.snowflake.com/en/sql-reference/sql/show-grants
def test_future_grants_are_shown_with_columns_of_their_own(session: SnowflakeConnection) -> None:
    run(
        session,
        "create role shown_reader",
        f"grant insert, select on future tables in schema {session.schema} to role shown_reader",
        f"grant select on future views in schema {session.schema} to role shown_reader",
        f"revoke insert on future tables in schema {session.schema} from role shown_reader",
    )
    cursor = session.cursor().execute(f"show future grants in schema {session.schema}")
    assert cursor is not None
    assert [column.name for column in cursor.description] == [
        "created_on",
        "privilege",
        "grant_on",
        "name",
        "grant_to",
        "grantee_name",
        "grant_option",
    ]
    place = f"ANALYTICS.{session.schema}"
    assert [tuple(row)[1:] for row in cursor.fetchall()] == [
        ("SELECT", kind, f"{place}.<{kind}>", "ROLE", "SHOWN_READER", "false")
        for kind in ("TABLE", "VIEW")
    ]


# https://docs.snowflake.com/en/sql-reference/sql/use-secondary-roles, alter-user, grant-role
def test_secondary_roles_may_what_they_were_granted_except_create(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    schema, unseen = session.schema, 2003
    run(
        session,
        "create role main_role",
        "create role other_role",
        *(f"grant role {role} to user moonlighter" for role in ("main_role", "other_role")),
        "create table t as select 1 as i",
        "grant usage on database analytics to role other_role",
        f"grant usage, create table on schema {schema} to role other_role",
        "grant ownership on table t to role other_role",
    )
    place = {"database": "ANALYTICS", "schema": schema, "role": "MAIN_ROLE", "user": "moonlighter"}

    def number(connection: SnowflakeConnection, statement: str) -> int | None:
        try:
            run(connection, statement)
        except ProgrammingError as error:
            return error.errno
        return None

    with snowflake_simulator.connect(**place) as plain:
        assert number(plain, "select i from t") == unseen
    run(session, "alter user moonlighter set default_secondary_roles = ('ALL')")
    with snowflake_simulator.connect(**place) as everything:
        assert run(everything, "select i from t") == [(1,)]
        assert run(everything, "select is_role_in_session('OTHER_ROLE')") == [(True,)]
        assert number(everything, "create table mine (i int)") == 3001
        run(everything, "use secondary roles none")
        assert number(everything, "select i from t") == unseen
        run(everything, "use secondary roles all")
        assert run(everything, "select i from t") == [(1,)]
        run(session, "revoke role other_role from user moonlighter")
        assert number(everything, "select i from t") == unseen
    run(session, "alter user moonlighter set default_secondary_roles = ()")


# https://docs.snowflake.com/en/sql-reference/sql/create-table, COPY GRANTS
def test_a_replaced_table_loses_its_grants_unless_they_are_copied(
    session: SnowflakeConnection,
) -> None:
    def readers() -> set[str]:
        shown = run(session, "show grants on table t")
        return {row[5] for row in shown if row[1] == "SELECT"}

    run(
        session,
        "create role table_reader",
        "create table t (i int)",
        "grant select on table t to role table_reader",
        "create role later_reader",
        f"grant select on future tables in schema {session.schema} to role later_reader",
    )
    run(session, "create or replace table t copy grants as select 1 as i")
    assert readers() == {"TABLE_READER"}
    run(session, "create or replace table t as select 1 as i")
    assert readers() == {"LATER_READER"}


@pytest.fixture(scope="module")
def guarded(snowflake_simulator: Simulator) -> Simulator:
    """A database of ACCOUNTADMIN's, in which GUEST may read one table."""
    with snowflake_simulator.connect() as owner:
        run(
            owner,
            "create role guest",
            "create database guarded",
            "create schema guarded.owned",
            "create schema guarded.other",
            "create table guarded.owned.t (i int)",
            "create table guarded.owned.hidden (i int)",
            "grant usage on database guarded to role guest",
            "grant usage on all schemas in database guarded to role guest",
            "grant select on table guarded.owned.t to role guest",
            "create schema guarded.unseen",
        )
    return snowflake_simulator


# https://docs.snowflake.com/en/user-guide/security-access-control-privileges
@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("create schema forbidden", 3001),
        ("drop schema owned", 3001),
        ("alter schema owned rename to mine", 3001),
        ("alter schema owned swap with other", 3001),
        ("create table owned.mine (i int)", 3001),
        ("drop table owned.t", 3001),
        ("delete from owned.t", 3001),
        ("select * from owned.hidden", 2003),
        ("select * from unknown.t", 2003),
        ("create role another", 3001),
    ],
)
def test_a_role_may_only_do_what_it_was_granted(
    guarded: Simulator, statement: str, number: int
) -> None:
    with guarded.connect(database="GUARDED", role="GUEST") as guest:
        assert run(guest, "select count(*) from owned.t") == [(0,)]
        with pytest.raises(ProgrammingError) as raised:
            run(guest, statement)
        assert raised.value.errno == number


# https://docs.snowflake.com/en/sql-reference/sql/create-table: without OR REPLACE, IF NOT EXISTS
def test_a_name_that_is_taken_is_an_error(session: SnowflakeConnection) -> None:
    run(session, "create table t (i int)")
    for statement in ("create table t (i int)", f"create schema {session.schema}"):
        with pytest.raises(ProgrammingError, match="already exists") as raised:
            run(session, statement)
        assert raised.value.errno == 2002
    run(session, "create table if not exists t (i int)", "create or replace table t (i int)")


# https://docs.snowflake.com/en/sql-reference/sql/show-schemas
def test_a_schema_without_a_privilege_is_not_shown(guarded: Simulator) -> None:
    with guarded.connect(database="GUARDED", role="GUEST") as guest:
        shown = {row[1] for row in run(guest, "show schemas in database guarded")}
    assert shown >= {"OWNED", "OTHER"}
    assert "UNSEEN" not in shown


# https://docs.snowflake.com/en/sql-reference/session-variables, identifier-literal
def test_a_variable_names_an_object(session: SnowflakeConnection) -> None:
    run(
        session,
        "set who = 'NAMED_BY_VARIABLE'",
        "create role if not exists identifier($who)",
        "create table t (i int)",
        "grant select on table t to role identifier($who)",
    )
    granted = run(session, "show grants on table t")
    assert {row[5] for row in granted} == {"ACCOUNTADMIN", "NAMED_BY_VARIABLE"}
    run(session, "drop role identifier($who)")
    with pytest.raises(ProgrammingError, match="variable '\\$OTHER' does not exist"):
        run(session, "create role identifier($other)")


# https://docs.snowflake.com/en/user-guide/warehouses-considerations
@pytest.mark.parametrize("warehouse", [None, "MISSING"])
def test_without_a_warehouse_nothing_is_read(
    session: SnowflakeConnection, snowflake_simulator: Simulator, warehouse: str | None
) -> None:
    run(session, "create table t (i int)")
    place = {"database": "ANALYTICS", "schema": session.schema}
    with snowflake_simulator.connect(**place, warehouse=warehouse) as other:
        assert run(other, "select current_role()") == [("ACCOUNTADMIN",)]
        with pytest.raises(ProgrammingError, match="No active warehouse") as raised:
            run(other, "select * from t")
    assert raised.value.errno == 606


# https://docs.snowflake.com/en/sql-reference/functions-context, functions/is_role_in_session
def test_a_session_tells_who_and_where_it_is(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    run(
        session,
        *(f"create role {role}" for role in ("above_known", "known", "below_known")),
        "grant role known to role above_known",
        "grant role below_known to role known",
        "grant usage on warehouse transforming to role known",
        "grant usage on database analytics to role known",
        f"grant usage on schema {session.schema} to role known",
    )
    with snowflake_simulator.connect(database="ANALYTICS", role="KNOWN") as other:
        run(other, f"use schema {session.schema}")
        told = "current_user(), current_role(), current_warehouse(), current_database()"
        assert run(other, f"select {told}, current_schema()") == [
            ("TESTER", "KNOWN", "TRANSFORMING", "ANALYTICS", session.schema)
        ]
        assert run(other, "select current_session()") == [(str(other.session_id),)]
        asked = ("KNOWN", "BELOW_KNOWN", "PUBLIC", "ABOVE_KNOWN", "known", "NOBODY")
        answers = ", ".join(f"is_role_in_session('{role}')" for role in asked)
        assert run(other, f"select {answers}") == [(True, True, True, False, False, False)]
        run(session, "revoke role below_known from role known")
        assert run(other, "select is_role_in_session('BELOW_KNOWN')") == [(False,)]


# https://docs.snowflake.com/en/sql-reference/sql/show-objects, show-tables, show-views
def test_objects_tables_and_views_are_shown(session: SnowflakeConnection) -> None:
    def shown(what: str, *columns: str) -> list[tuple[Any, ...]]:
        cursor = session.cursor()
        cursor.execute(f"show {what}")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        assert all(row["schema_name"] == session.schema for row in rows)
        assert all(isinstance(row["created_on"], datetime) for row in rows)
        return [tuple(row[column] for column in columns) for row in rows]

    run(
        session,
        "create table kept (i int, at timestamp_ntz) cluster by (at) comment = 'told'",
        "create transient table passing (i int)",
        "alter table passing cluster by (i)",
        "create view seen as select i from kept",
        "insert into kept values (1, null), (2, null)",
    )
    columns = ("name", "kind", "rows", "cluster_by", "comment", "owner")
    passing, seen = ("PASSING", 0, "LINEAR(i)", ""), ("SEEN", "VIEW", None, "", "", "ACCOUNTADMIN")
    kept = ("KEPT", "TABLE", 2, "LINEAR(at)", "told", "ACCOUNTADMIN")
    as_table, as_object = (
        (passing[0], kind, *passing[1:], "ACCOUNTADMIN") for kind in ("TRANSIENT", "TABLE")
    )
    assert shown("objects", *columns) == [kept, as_object, seen]
    assert shown("tables", *columns) == [kept, as_table]
    assert shown("views", "name", "comment", "owner") == [("SEEN", "", "ACCOUNTADMIN")]
    assert shown("terse objects", "name", "kind") == [
        ("KEPT", "TABLE"),
        ("PASSING", "TABLE"),
        ("SEEN", "VIEW"),
    ]
    assert shown("tables like 'p%'", "name") == [("PASSING",)]
    assert shown("objects limit 1 from 'KEPT'", "name") == [("PASSING",)]
    run(session, "alter table kept drop clustering key")
    assert shown("tables like 'kept'", "cluster_by") == [("",)]


# https://docs.snowflake.com/en/sql-reference/sql/use-warehouse, show-warehouses, show-grants
def test_a_warehouse_is_there_for_roles_that_may_use_it(snowflake_simulator: Simulator) -> None:
    show = "show warehouses like 'incident_l'"
    with (
        snowflake_simulator.connect(database="ANALYTICS") as admin,
        snowflake_simulator.connect(database="ANALYTICS", role="TRANSFORMER") as other,
    ):
        run(admin, "create warehouse if not exists incident_l", "use warehouse transforming")
        assert [row[0] for row in run(admin, show)] == ["INCIDENT_L"]
        assert run(other, show) == []
        for statement, number in (("use warehouse", 2043), ("show grants on warehouse", 2003)):
            with pytest.raises(ProgrammingError) as raised:
                run(other, f"{statement} incident_l")
            assert raised.value.errno == number
        run(admin, "grant monitor on warehouse incident_l to role transformer")
        assert [row[0] for row in run(other, show)] == ["INCIDENT_L"]
        with pytest.raises(ProgrammingError):
            run(other, "use warehouse incident_l")
        run(admin, "grant usage on warehouse incident_l to role transformer")
        found = run(other, "use warehouse incident_l", "show grants on warehouse incident_l")
        assert {(row[1], row[3], row[5]) for row in found} == {
            ("MONITOR", "INCIDENT_L", "TRANSFORMER"),
            ("OWNERSHIP", "INCIDENT_L", "ACCOUNTADMIN"),
            ("USAGE", "INCIDENT_L", "TRANSFORMER"),
        }
        assert run(other, "select current_warehouse()") == [("INCIDENT_L",)]
        with snowflake_simulator.connect(role="TRANSFORMER", warehouse="INCIDENT_L") as third:
            assert run(third, "select current_warehouse()") == [("INCIDENT_L",)]
        run(admin, "revoke usage on warehouse incident_l from role transformer")
        with snowflake_simulator.connect(role="TRANSFORMER", warehouse="INCIDENT_L") as third:
            assert run(third, "select current_warehouse()") == [(None,)]
        run(admin, "drop warehouse incident_l")


# https://docs.snowflake.com/en/sql-reference/functions/system_abort_session
def test_an_ended_session_is_told_so(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    with snowflake_simulator.connect() as other:
        number = run(other, "select current_session()")[0][0]
        run(session, f"select system$abort_session({number})")
        with pytest.raises(DatabaseError, match="Session no longer exists"):
            run(other, "select 1")


# https://docs.snowflake.com/en/user-guide/tables-temp-transient
def test_a_temporary_table_is_its_session_s_own(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    schema = session.schema
    run(session, "create temporary table t as select 1 as i")
    assert run(session, f"select t.i from analytics.{schema}.t") == [(1,)]
    with (
        snowflake_simulator.connect(database="ANALYTICS", schema=schema) as other,
        pytest.raises(ProgrammingError, match="does not exist"),
    ):
        run(other, "select * from t")


# https://docs.snowflake.com/en/sql-reference/sql/create-view: TEMPORARY
def test_a_temporary_view_is_in_front_of_others_until_its_session_ends(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    run(session, "create table t as select 1 as i", "create view v as select i from t")
    with snowflake_simulator.connect(database="ANALYTICS", schema=session.schema) as other:
        run(other, "create temporary view v as select i + 1 as i from t")
        assert run(other, "select i from v") == [(2,)]
        assert run(session, "select i from v") == [(1,)]
    assert run(session, "select i from v") == [(1,)]


# https://docs.snowflake.com/en/sql-reference/transactions
def test_others_wait_for_a_transaction_that_writes(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    run(session, *EVENTS, "begin", "update events set name = 'mine' where id = 1")
    place = {"database": "ANALYTICS", "schema": session.schema}
    with snowflake_simulator.connect(**place) as other:
        assert run(other, "select name from events where id = 1") == [("a",)]
        waiting = threading.Thread(target=run, args=(other, "update events set name = name || '!'"))
        waiting.start()
        time.sleep(0.2)
        assert waiting.is_alive()
        run(session, "commit")
        waiting.join(timeout=10)
        assert run(other, "select name from events order by id") == [("mine!",), ("b!",)]


# https://docs.snowflake.com/en/sql-reference/transactions: LOCK_TIMEOUT
def test_who_waits_too_long_for_a_lock_is_told_so(
    session: SnowflakeConnection, snowflake_simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert account.LOCK_TIMEOUT_SECONDS == 30, "as the page of the simulator says"
    monkeypatch.setattr(account, "LOCK_TIMEOUT_SECONDS", 0.1)
    run(session, *EVENTS, "begin", "delete from events")
    with snowflake_simulator.connect(database="ANALYTICS", schema=session.schema) as other:
        with pytest.raises(ProgrammingError, match="waited for a lock") as told:
            run(other, "insert into events values (3, 'c', null)")
        assert told.value.errno == 625
    run(session, "rollback")
    assert run(session, "select count(*) from events") == [(2,)]


# https://docs.snowflake.com/en/sql-reference/transactions
@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_an_error_in_a_transaction_leaves_it_to_be_ended_and_others_to_write(
    session: SnowflakeConnection, snowflake_simulator: Simulator, ends: str
) -> None:
    run(session, *EVENTS, "begin", "insert into events values (3, 'c', null)")
    with pytest.raises(ProgrammingError, match="Division by zero"):
        run(session, "insert into events select 1 / (id - 3), 'd', null from events")
    if ends == "rollback":
        run(session, ends)
    else:
        with pytest.raises(ProgrammingError, match="does not imitate COMMIT after an error"):
            run(session, ends)
    with snowflake_simulator.connect(database="ANALYTICS", schema=session.schema) as other:
        run(other, "insert into events values (4, 'e', null)")
    assert run(session, "select count(*) from events") == [(3,)]


# https://docs.snowflake.com/en/sql-reference/transactions: READ COMMITTED
def test_a_transaction_reads_what_is_committed_by_then_and_writes_to_it(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    run(session, *EVENTS, "begin")
    assert len(run(session, "select * from events")) == 2
    with snowflake_simulator.connect(database="ANALYTICS", schema=session.schema) as other:
        run(other, "insert into events values (3, 'c', null)", "comment on table events is 'three'")
    assert len(run(session, "select * from events")) == 3
    run(session, "insert into events values (4, 'd', null)", "commit")
    assert len(run(session, "select * from events")) == 4


# https://docs.snowflake.com/en/sql-reference/functions/query_history: EXECUTION_STATUS is success,
# failed_with_error or another; account-usage/query_history says fail, and is not imitated
@pytest.mark.parametrize("columns", ["", " (i int not null)"])
def test_the_history_tells_tag_rows_and_bytes(
    session: SnowflakeConnection, snowflake_simulator: Simulator, columns: str
) -> None:
    tag = f"repair{columns}"
    run(
        session,
        f"create table counted{columns} as (select column1 as i from values (1), (2), (3))",
        f"alter session set query_tag = '{tag}'",
        "update counted set i = 7 where i > 1",
    )
    with pytest.raises(ProgrammingError):
        run(session, "select * from nowhere")
    assert run(session, "select sum(i) from counted") == [(15,)]
    assert run(session, "show parameters like 'query_tag' in session")[0][1] == tag
    created = next(
        line for line in snowflake_simulator.history() if f"counted{columns} as" in line.text
    )
    assert (created.query_type, created.rows_inserted) == ("CREATE_TABLE_AS_SELECT", 3)
    update, failed, selected, _ = snowflake_simulator.history(tag)
    assert (update.query_type, update.rows_updated, update.rows_scanned) == ("UPDATE", 2, 3)
    assert update.bytes_scanned > 0
    assert update.error is None
    assert (selected.rows_produced, selected.rows_scanned) == (1, 3)
    assert failed.error is not None
    assert abs(failed.started_at - datetime.now(UTC)) < timedelta(minutes=1)
    told = run(
        session,
        "select query_type, rows_updated, execution_status, error_code "
        "from table(information_schema.query_history()) "
        "where query_tag = 'repair' and query_type in ('UPDATE', 'SELECT') "
        "order by start_time limit 2",
    )
    assert told == [("UPDATE", 2, "SUCCESS", None), ("SELECT", 0, "FAILED_WITH_ERROR", "002003")]


# https://docs.snowflake.com/en/sql-reference/sql/call-with
def test_a_python_procedure_works_in_its_caller_s_session(session: SnowflakeConnection) -> None:
    run(
        session,
        "create table payloads (id int, v variant)",
        "insert into payloads select 1, parse_json('[1,2]') union all select 0, parse_json('[]')",
        "create temporary table pending as select 1 as i",
    )
    assert run(session, PROCEDURE) == [("1",)]
    assert run(session, "select id, n from lengths") == [(1, 2)]
    # the session is still there when the procedure has ended
    assert run(session, "select count(*) from pending") == [(1,)]


WITHOUT_SCHEMA = "This session does not have a current schema"


# https://docs.snowflake.com/en/sql-reference/name-resolution
def test_a_bare_name_needs_a_current_schema_that_is_there(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    with snowflake_simulator.connect(database="ANALYTICS", schema="NOWHERE") as other:
        assert run(other, "select current_database(), current_schema()") == [("ANALYTICS", None)]
        for kind in ("temporary table t (i int)", "temporary stage s", "view v as select 1 as i"):
            with pytest.raises(ProgrammingError, match=WITHOUT_SCHEMA) as raised:
                run(other, f"create {kind}")
            assert raised.value.errno == 90106
        run(other, f"use schema {session.schema}", "create temporary table t (i int)")
        assert run(other, "select current_schema()") == [(session.schema,)]
        run(session, f"drop schema {session.schema}")
        with pytest.raises(ProgrammingError, match=WITHOUT_SCHEMA):
            run(other, "create temporary table u (i int)")


# https://docs.snowflake.com/en/developer-guide/snowpark/reference/python/latest/snowpark/api/
# snowflake.snowpark.Session.get_session_stage: it is made in the current database and schema
@pytest.mark.parametrize(
    "made",
    [
        "F.udf(lambda n: n, return_type=T.IntegerType(), input_types=[T.IntegerType()])",
        "session.create_dataframe([(n, n) for n in range(300)], schema=['a', 'b']).collect()",
    ],
    ids=["a function", "a table of many rows"],
)
def test_what_snowpark_makes_needs_a_current_schema(
    session: SnowflakeConnection, snowflake_simulator: Simulator, made: str
) -> None:
    procedure = in_a_procedure(made)
    with snowflake_simulator.connect(database="ANALYTICS", schema="NOWHERE") as other:
        with pytest.raises(ProgrammingError, match=WITHOUT_SCHEMA) as raised:
            run(other, procedure)
        assert "090106" in str(raised.value)
        run(other, f"use schema {session.schema}", procedure)


# https://docs.snowflake.com/en/user-guide/semistructured-considerations, and the tests of
# snowpark-python, tests/integ/scala/test_udf_suite.py, test_variant_null
def test_none_of_a_function_that_gives_a_variant_is_json_null(session: SnowflakeConnection) -> None:
    head = "".join(PROCEDURE.partition("def main(session):\n")[:2])
    body = """\
    gives_none = F.udf(
        lambda number: None, return_type=T.VariantType(),
        input_types=[T.IntegerType()], session=session,
    )
    found = session.sql("select 1 as n").select(gives_none(F.col("N")).alias("V"))
    member = F.col("V")["name"].cast(T.StringType())
    told = F.typeof(F.col("V")), F.col("V").is_null(), member.is_null()
    return str(list(found.select(*told).collect()[0]))
$$
call summed();
"""
    assert run(session, head + body) == [("['NULL_VALUE', False, True]",)]


# https://docs.snowflake.com/en/sql-reference/sql/call-with
def test_an_error_in_a_procedure_is_a_sql_error(session: SnowflakeConnection) -> None:
    failing = PROCEDURE.replace('session.table("PAYLOADS")', "1 / 0")
    with pytest.raises(ProgrammingError, match="ZeroDivisionError") as raised:
        run(session, failing)
    assert raised.value.errno == 100357


# https://docs.snowflake.com/en/developer-guide/snowpark/python/working-with-dataframes
def test_a_snowpark_session_logs_in_from_outside(
    session: SnowflakeConnection, snowflake_simulator: Simulator
) -> None:
    from snowflake.snowpark import Session, functions

    options = snowflake_simulator.login(database="ANALYTICS", schema=session.schema)
    with Session.builder.configs(options).create() as snowpark:
        frame = snowpark.create_dataframe([("a", 1), ("a", 2), ("b", 5)], schema=["k", "n"])
        summed = frame.group_by("k").agg(functions.sum("n").alias("n")).sort("k").collect()
    assert [tuple(row) for row in summed] == [("a", 3), ("b", 5)]


# https://docs.snowflake.com/en/sql-reference/sql/alter-account
def test_later_sessions_begin_in_the_account_s_time_zone() -> None:
    with running_simulator() as simulator:
        with simulator.connect() as first:
            run(first, "alter account set timezone = 'Asia/Kolkata'")
        with simulator.connect() as second:
            text = "select '2026-01-01 00:00:00 +00:00'::timestamp_ltz::varchar"
            assert run(second, text) == rows("2026-01-01 05:30:00.000 +0530")


# https://docs.snowflake.com/en/sql-reference/parameters, sql/alter-user, sql/show-parameters
def test_a_session_tells_in_which_format_it_reads_timestamps() -> None:
    """The format of the session is before that of the user, and that before the account's."""
    text = "show parameters like 'timestamp_input_format' in session"
    with running_simulator() as simulator:
        with simulator.connect() as first:
            assert run(first, text)[0][:4] == ("TIMESTAMP_INPUT_FORMAT", "AUTO", "AUTO", "")
            run(first, "alter account set timestamp_input_format = 'DD-MON-YYYY'")
            assert run(first, text)[0][1] == "AUTO"
        with simulator.connect() as second:
            assert run(second, text)[0][1] == "DD-MON-YYYY"
            run(second, "alter session set timestamp_input_format = 'YYYY-MM-DD'")
            assert run(second, text)[0][1] == "YYYY-MM-DD"
            run(second, "alter session unset timestamp_input_format")
            assert run(second, text)[0][1] == "DD-MON-YYYY"
            run(second, "alter user tester set timestamp_input_format = 'AUTO'")
        with simulator.connect() as third:
            assert run(third, text)[0][1] == "AUTO"


def test_it_is_one_command_that_a_signal_stops() -> None:
    command = [sys.executable, "-m", "python_tests.snowflake_simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        options = {"account": "simulator", "user": "tester", "password": "none"}
        port = int(address.rpartition(":")[2])
        with snowflake.connector.connect(
            **options, host="127.0.0.1", port=port, protocol="http"
        ) as connection:
            assert run(connection, "select 1") == [(1,)]
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0


def test_whatever_fails_inside_is_a_sql_error(session: SnowflakeConnection) -> None:
    for broken in ("selec 1", "select nothing_like_it(1)", "select * from (values (1)) as t(a, b)"):
        with pytest.raises(DatabaseError):
            run(session, broken)
    assert json.loads(run(session, "select parse_json('1')")[0][0]) == 1
