"""Timestamps as the Snowflake connector reads them from the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

UTC_OFFSET = 1440  # Snowflake sends minutes east of UTC plus a day, so that none is negative


def timestamp_struct(column: Any) -> Any:
    """Seconds, nanoseconds and, for a type with an offset, the offset; NULL stays NULL."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    micros = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    # floor, not truncation: instants before 1970 have negative microseconds
    whole = pc.floor_temporal(micros.cast(pa.timestamp("us")), unit="second")
    seconds = pc.divide(whole.cast(pa.int64()), 1_000_000)
    nanos = pc.multiply(pc.subtract(micros, pc.multiply(seconds, 1_000_000)), 1000).cast(pa.int32())
    arrays = [seconds.fill_null(0), nanos.fill_null(0)]
    fields = [
        pa.field("epoch", pa.int64(), nullable=False),
        pa.field("fraction", pa.int32(), nullable=False),
    ]
    if column.type.tz:
        arrays.append(pa.array(_offsets(seconds, column.type.tz), pa.int32()))
        fields.append(pa.field("timezone", pa.int32(), nullable=False))
    return pa.StructArray.from_arrays(arrays, fields=fields, mask=column.is_null())


def _offsets(seconds: Any, zone: str) -> list[int]:
    if zone in ("UTC", "Etc/UTC"):
        return [UTC_OFFSET] * len(seconds)
    place = ZoneInfo(zone)
    found = []
    for second in seconds.to_pylist():
        offset = datetime.fromtimestamp(second or 0, place).utcoffset()
        found.append(UTC_OFFSET + int(offset.total_seconds() // 60 if offset else 0))
    return found
