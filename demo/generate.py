"""Writes a day of payment events with a duplicate incident as bronze files, with ground truth.

The day is made in chunks of event time, so memory stays flat whatever the size. A chunk's rows are
held as numbers until the hour (or part of it) in which they arrive is complete, then written.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from demo.events import KINDS, Traffic, draw_events, physical_rows
from demo.planted import planted_rows
from demo.render import BRONZE_SCHEMA, TRUTH_SCHEMA, render
from demo.settings import (
    MICROSECONDS_PER_HOUR,
    IncidentSettings,
    from_microseconds,
    microseconds,
)

__all__ = ["IncidentSettings", "IncidentTruth", "generate", "write_originals_only"]

CHUNK_ROWS = 150_000
CHUNKS_PER_HOUR = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60, 120, 240, 600)
SAMPLE_PAYMENTS = 20_000
SAMPLE_STREAM, CHUNK_STREAM = 0, 1

TRUTH_FILE_SCHEMA = pa.schema(
    [("file", pa.string()), ("file_row_number", pa.int64()), *TRUTH_SCHEMA]
)


@dataclass(frozen=True)
class IncidentTruth:
    """What was written: where it is, the true window, and how much there is of what."""

    bronze: Path
    truth: Path
    settings: IncidentSettings
    counts: dict[str, int]
    traits: dict[str, int]

    @property
    def incident_start(self) -> datetime:
        """The first moment of the incident."""
        return self.settings.incident_start

    @property
    def incident_end(self) -> datetime:
        """The first moment after the incident."""
        return self.settings.incident_end


Progress = Callable[[str], None]


def generate(
    settings: IncidentSettings,
    folder: Path,
    *,
    replace: bool = False,
    progress: Progress | None = None,
) -> IncidentTruth:
    """Write bronze files under `folder`/bronze and their ground truth under `folder`/truth.

    Args:
        settings: The day to make; equal settings give equal rows.
        folder: Where to write.
        replace: Whether what an earlier call wrote there may be deleted.
        progress: Called with a line of text for each hour of the day.

    Returns:
        The true window, the settings and the counts, as they stand in truth/incident.json.

    Raises:
        FileExistsError: The folder already holds bronze or truth, and `replace` is not set.
    """
    folder = Path(folder)
    _make_room(folder, replace)
    writer = _BronzeWriter(folder)
    told_us = microseconds(settings.start)
    with writer:
        for hour_us, rows in _arrivals(settings):
            writer.write(hour_us, rows)
            if progress and told_us <= hour_us < microseconds(settings.end):
                progress(f"arrivals of {from_microseconds(hour_us):%Y-%m-%d %H:%M}")
                told_us = hour_us + MICROSECONDS_PER_HOUR
    truth = IncidentTruth(
        bronze=folder / "bronze",
        truth=folder / "truth",
        settings=settings,
        counts=writer.counts(),
        traits=dict(sorted(writer.traits.items())),
    )
    (truth.truth / "incident.json").write_text(_incident_json(truth), encoding="utf-8")
    return truth


def write_originals_only(folder: Path, target: Path) -> int:
    """Write the bronze that there would be had no event ever been copied.

    Args:
        folder: What `generate` wrote: bronze and truth.
        target: The bronze folder to write; same hours and file names.

    Returns:
        The number of rows written.
    """
    folder, target = Path(folder), Path(target)
    truth = folder / "truth" / "rows.parquet"
    if not truth.is_file():
        raise FileNotFoundError(f"no ground truth at {truth}: is {folder} what generate wrote?")
    columns = ", ".join(BRONZE_SCHEMA.names)
    total = 0
    with duckdb.connect() as connection:
        for source in sorted((folder / "bronze").glob("*/*.parquet")):
            name = source.relative_to(folder / "bronze")
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            found = connection.execute(
                f"""
                copy (
                    select {columns}
                    from read_parquet(?, file_row_number = true, hive_partitioning = false)
                    where file_row_number in (
                        select file_row_number from read_parquet(?) where file = ? and not is_copy
                    )
                    order by file_row_number
                ) to '{str(target / name).replace("'", "''")}' (format parquet, compression zstd)
                """,
                [str(source), str(truth), name.as_posix()],
            ).fetchone()
            rows = int(found[0]) if found else 0
            total += rows
            if rows == 0:
                (target / name).unlink()
    return total


def _make_room(folder: Path, replace: bool) -> None:
    written = [folder / "bronze", folder / "truth"]
    existing = [path for path in written if path.exists()]
    if not existing:
        return
    # Only what generate itself has finished writing is ever deleted.
    if not replace or not (folder / "truth" / "incident.json").is_file():
        raise FileExistsError(
            f"{existing[0]} exists already: choose another folder, or replace what an earlier "
            "run has finished there (replace=True, --replace)"
        )
    for path in existing:
        shutil.rmtree(path)


def _arrivals(settings: IncidentSettings) -> Iterator[tuple[int, pa.Table]]:
    """Yield finished rows with the hour in which they arrived, in order of arrival."""
    planted = planted_rows(settings)
    pending: pa.Table | None = None
    for end_us, rows in _chunks(settings, planted):
        pending = rows if pending is None else pa.concat_tables([pending, rows])
        # No later chunk has an event before this chunk's end, so nothing can arrive there any more.
        is_ready = pc.less(pending["arrived"], end_us)
        ready, pending = pending.filter(is_ready), pending.filter(pc.invert(is_ready))
        is_ready = pc.less(planted["arrived_at"].cast(pa.int64()), end_us)
        ready_planted, planted = planted.filter(is_ready), planted.filter(pc.invert(is_ready))
        yield from _by_hour(settings, ready, ready_planted)
    assert pending is not None, "a day has at least one chunk"
    yield from _by_hour(settings, pending, planted)


def _chunks(settings: IncidentSettings, planted: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield the numeric rows of each chunk of the day with the chunk's end."""
    traffic = Traffic.of(settings)
    planted_events = len(pc.unique(planted["true_event_number"]))
    wanted = max(settings.events - planted_events, 1)
    payments = max(round(wanted / _events_per_payment(settings, traffic)), 1)
    next_event = planted_events
    bounds = _chunk_bounds(settings, wanted)
    numbers = [round(payments * traffic.share_until(bound)) for bound in bounds]
    for chunk in range(len(bounds) - 1):
        rng = np.random.default_rng([settings.seed, CHUNK_STREAM, chunk])
        ids = np.arange(numbers[chunk], numbers[chunk + 1], dtype=np.int64)
        first_us, end_us = bounds[chunk], bounds[chunk + 1]
        events = draw_events(settings, traffic, rng, ids, first_us, end_us)
        yield end_us, physical_rows(settings, rng, events, next_event)
        next_event += len(events["emitted"])


def _events_per_payment(settings: IncidentSettings, traffic: Traffic) -> float:
    """Return the mean length of a lifecycle inside this day, measured on a sample."""
    rng = np.random.default_rng([settings.seed, SAMPLE_STREAM])
    sample = np.arange(SAMPLE_PAYMENTS, dtype=np.int64)
    start_us, end_us = microseconds(settings.start), microseconds(settings.end)
    events = draw_events(settings, traffic, rng, sample, start_us, end_us)
    return len(events["emitted"]) / SAMPLE_PAYMENTS


def _chunk_bounds(settings: IncidentSettings, events: int) -> list[int]:
    # The busiest hour has about 1.7 times the mean, and the incident adds copies to it.
    busiest_hour = events / settings.hours * 1.7 * (1 + 2 * settings.incident_share)
    fitting = [n for n in CHUNKS_PER_HOUR if busiest_hour / n <= CHUNK_ROWS]
    length = MICROSECONDS_PER_HOUR // (fitting[0] if fitting else CHUNKS_PER_HOUR[-1])
    start_us, end_us = microseconds(settings.start), microseconds(settings.end)
    return list(range(start_us, end_us + 1, length))


def _by_hour(
    settings: IncidentSettings, rows: pa.Table, planted: pa.Table
) -> Iterator[tuple[int, pa.Table]]:
    arrived = rows["arrived"].to_numpy()
    order = np.lexsort((rows["delivery"].to_numpy(), rows["number"].to_numpy(), arrived))
    rows, hours = rows.take(pa.array(order)), arrived[order] // MICROSECONDS_PER_HOUR
    planted_hours = planted["arrived_at"].cast(pa.int64()).to_numpy() // MICROSECONDS_PER_HOUR
    for hour in np.union1d(hours, planted_hours):
        low, high = np.searchsorted(hours, (hour, hour + 1))
        extra: pa.Table | None = planted.filter(pa.array(planted_hours == hour))
        for first in range(low, max(high, low + 1), CHUNK_ROWS):
            part = rows.slice(first, min(CHUNK_ROWS, high - first))
            yield int(hour) * MICROSECONDS_PER_HOUR, _finished(settings, part, extra)
            extra = None


def _finished(settings: IncidentSettings, rows: pa.Table, planted: pa.Table | None) -> pa.Table:
    planted = planted or None
    if len(rows) == 0 and planted is not None:
        return planted
    finished = render(rows, settings)
    if planted is None:
        return finished
    both = pa.concat_tables([planted, finished])
    arrived = both["arrived_at"].cast(pa.int64()).to_numpy()
    return both.take(pa.array(np.argsort(arrived, kind="stable")))


class _BronzeWriter:
    """Writes bronze files and, row for row, what is true of them."""

    def __init__(self, folder: Path) -> None:
        self.bronze = folder / "bronze"
        self.truth = folder / "truth"
        self.parts: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.traits: Counter[str] = Counter()

    def __enter__(self) -> _BronzeWriter:
        self.bronze.mkdir(parents=True)
        self.truth.mkdir(parents=True)
        self.truth_rows = pq.ParquetWriter(
            self.truth / "rows.parquet", TRUTH_FILE_SCHEMA, compression="zstd"
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self.truth_rows.close()

    def write(self, hour_us: int, rows: pa.Table) -> None:
        """Write one file of rows that arrived in this hour, and their ground truth."""
        hour = f"arrival_hour={from_microseconds(hour_us):%Y-%m-%dT%H}"
        name = f"{hour}/part-{self.parts[hour]:03d}.parquet"
        (self.bronze / hour).mkdir(exist_ok=True)
        pq.write_table(
            rows.select(BRONZE_SCHEMA.names),
            self.bronze / name,
            compression="zstd",
            compression_level=1,
            use_dictionary=["merchant_id", "event_type", "currency"],
        )
        self._write_truth(name, rows.select(TRUTH_SCHEMA.names))
        self.parts[hour] += 1

    def counts(self) -> dict[str, int]:
        """Return how many rows there are of each kind, and in how many files."""
        return {
            "logical_events": self.kinds[KINDS[0]],
            "physical_rows": self.kinds.total(),
            **{f"{kind}_rows": self.kinds[kind] for kind in KINDS},
            "files": self.parts.total(),
        }

    def _write_truth(self, name: str, truth: pa.Table) -> None:
        file = pa.repeat(pa.scalar(name), len(truth))
        position = pa.array(np.arange(len(truth), dtype=np.int64))
        columns = [file, position, *truth.columns]
        self.truth_rows.write_table(pa.table(columns, schema=TRUTH_FILE_SCHEMA))
        _count_values(self.kinds, truth["kind"])
        _count_values(self.traits, pc.list_flatten(truth["traits"]))


def _count_values(counter: Counter[str], values: pa.ChunkedArray) -> None:
    for pair in pc.value_counts(values).to_pylist():
        counter[pair["values"]] += pair["counts"]


def _incident_json(truth: IncidentTruth) -> str:
    content = {
        "incident_start": truth.incident_start.isoformat(),
        "incident_end": truth.incident_end.isoformat(),
        "seed": truth.settings.seed,
        "settings": dataclasses.asdict(truth.settings),
        "counts": truth.counts,
        "traits": truth.traits,
    }
    return json.dumps(content, indent=2, default=lambda moment: moment.isoformat()) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo.generate", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where to write")
    parser.add_argument("--replace", action="store_true", help="replace an earlier run's files")
    for field in dataclasses.fields(IncidentSettings):
        option, default = "--" + field.name.replace("_", "-"), field.default
        if isinstance(default, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default)
        else:
            is_moment = isinstance(default, datetime)
            kind = datetime.fromisoformat if is_moment else type(default)
            shown = default.isoformat() if isinstance(default, datetime) else default
            parser.add_argument(
                option, type=kind, default=default, metavar="X", help=f"default {shown}"
            )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Generate from the command line; return the exit code."""
    given = vars(_parser().parse_args(arguments))
    folder, replace = given.pop("folder"), given.pop("replace")
    started = time.monotonic()
    try:
        truth = generate(IncidentSettings(**given), folder, replace=replace, progress=print)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    counts = truth.counts
    print(
        f"{counts['logical_events']:,} events, {counts['physical_rows']:,} rows in "
        f"{counts['files']} files under {truth.bronze} ({time.monotonic() - started:.1f} s); "
        f"incident {truth.incident_start} to {truth.incident_end}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
