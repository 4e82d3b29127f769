"""A day with more rows and larger payloads, made of one in the warehouse."""

from __future__ import annotations

from pathlib import Path

import duckdb

# Digits of hashes, which don't compress; the same for each copy of an event
_DIGITS = "array_to_string([md5(payment_id || '{part}' || x) for x in range({hashes})], '')"


def enlarge(warehouse: Path, times: int, payload_bytes: int, memory: str) -> None:
    """Make so many payments of each, at the same times, with payloads of about that size."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"set memory_limit = '{memory}'")
        found = connection.execute("select avg(strlen(payload::varchar)) from raw.events")
        hashes = max(0, round((payload_bytes - found.fetchall()[0][0]) / 32))
        connection.execute("alter table raw.events rename to of_one_day")
        connection.execute("create table raw.events as from raw.of_one_day limit 0")
        for part in range(times):
            digits = _DIGITS.format(part=part, hashes=hashes)
            connection.execute(f"""
                insert into raw.events by name
                select * replace (
                    payment_id || '-{part}' as payment_id,
                    event_id || '-{part}' as event_id,
                    (left(payload::varchar, -1) || ',"trace":"' || {digits} || '"}}')::json
                        as payload
                )
                from raw.of_one_day""")
        connection.execute("drop table raw.of_one_day")
