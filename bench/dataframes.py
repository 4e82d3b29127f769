"""Data frame libraries on a Parquet file in survivor order: python -m bench.dataframes polars .."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.deduplicate import KEY
from bench.measure import bytes_moved, peak_mb

KEYS = KEY.split(", ")


def polars(source: Path, target: Path) -> None:
    """The first copy of each key."""
    import polars as pl  # a dependency of the benchmark alone

    pl.scan_parquet(source).unique(subset=KEYS, keep="first").collect().write_parquet(target)


def pandas(source: Path, target: Path) -> None:
    """The first copy of each key."""
    import pandas as pd

    rows: Any = pd.read_parquet(source)
    rows.drop_duplicates(subset=KEYS, keep="first").to_parquet(target)


def main() -> int:
    """Read, deduplicate, write; print what it took, as JSON."""
    import pyarrow.parquet as pq

    library, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    read, written = bytes_moved()
    began = time.perf_counter()
    {"polars": polars, "pandas": pandas}[library](source, target)
    seconds = time.perf_counter() - began
    read_after, written_after = bytes_moved()
    print(
        json.dumps(
            {
                "seconds": seconds,
                "rows": pq.ParquetFile(target).metadata.num_rows,
                "read_mb": (read_after - read) / 1e6,
                "written_mb": (written_after - written) / 1e6,
                "peak_mb": peak_mb(),
            }
        )
    )
    target.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
