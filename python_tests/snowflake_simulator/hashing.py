"""MD5, HASH and HASH_AGG. Those of HASH and HASH_AGG are not Snowflake's numbers."""

from __future__ import annotations

import sqlglot
from sqlglot import exp

from python_tests.snowflake_simulator.rewriting import MACROS, arguments_of, call, rename, rewrite

_TWO_TO_64 = 2**64
# An unsigned number as the signed one with the same bits, so that nothing hashes to 0.
_SIGNED = "case when {0} >= 9223372036854775808 then {0} - 18446744073709551616 else {0} end"

MACROS["simulator_signed(h)"] = f"(({_SIGNED.format('h::hugeint')})::bigint)"
MACROS["simulator_md5_lower(s)"] = "(('0x' || right(md5(s), 16))::ubigint::decimal(20, 0))"

rename("simulator_md5_lower", "MD5_NUMBER_LOWER64", "M_D5_NUMBER_LOWER64")


@rewrite
def hash_of_values(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/hash"""
    if "simulator" in node.meta:
        return node
    found = arguments_of(node, "HASH")
    return node if found is None else call("simulator_signed", _hash(found))


@rewrite
def hash_of_rows(node: exp.Expr) -> exp.Expr:
    """https://docs.snowflake.com/en/sql-reference/functions/hash_agg: empty input hashes to 0."""
    found = arguments_of(node, "HASH_AGG")
    if found is None:
        return node
    distinct = bool(found) and isinstance(found[0], exp.Distinct)
    hashed = exp.cast(_hash(found[0].expressions if distinct else found), "HUGEINT")
    total = exp.Sum(this=exp.Distinct(expressions=[hashed]) if distinct else hashed)
    return call(
        "simulator_signed",
        exp.Mod(
            this=exp.Coalesce(this=total, expressions=[exp.Literal.number(0)]),
            expression=exp.Literal.number(_TWO_TO_64),
        ),
    )


def _hash(values: list[exp.Expr]) -> exp.Anonymous:
    """DuckDB's hash of some values; a star is all columns."""
    star = sqlglot.parse_one("*columns(*)", read="duckdb")
    node = call("hash", *(star if isinstance(value, exp.Star) else value for value in values))
    node.meta["simulator"] = True
    return node
