"""The hand-made special cases: a few events of each kind, whatever the size of the day.

Each case is a short function that plants events and copies of them. The ones that can happen at any
time are planted before the incident and during it; copies of events from the incident come from the
faulty version, others are strays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from demo.events import CURRENCIES, HOSTS, KINDS, faulty_hosts
from demo.render import BRONZE_SCHEMA, ROW_SCHEMA, compact_json, producer
from demo.settings import (
    MICROSECONDS_PER_HOUR,
    MICROSECONDS_PER_SECOND,
    IncidentSettings,
    from_microseconds,
    microseconds,
)

Row = dict[str, Any]

SECOND = MICROSECONDS_PER_SECOND
MINUTE = 60 * SECOND
HOUR = MICROSECONDS_PER_HOUR
DAY = 24 * HOUR
YEAR = 365 * DAY
KEY_COLUMNS = ("payment_id", "event_type", "amount_cents", "currency", "event_ts")
NULLABLE_COLUMNS = (*KEY_COLUMNS, "event_id", "ingest_ts")
PLACES = ("before", "during")
GOLDEN_RATIO = 0.6180339887498949
SEPARATORS = ("|", ":", ",", "~", '"', "'", "\n", "\\", "-", "_", " ", "||", "\x1f")
FAR_FUTURE = microseconds(from_microseconds(0).replace(year=2031, month=6))


@dataclass
class PlantedEvent:
    """An original that was planted, and what its copies start from."""

    row: Row
    payload: dict[str, Any]
    emitted: int
    traits: tuple[str, ...]
    copies: int = 0


class Planter:
    """Collects hand-made rows; fills what a case doesn't say with ordinary values."""

    def __init__(self, settings: IncidentSettings) -> None:
        """Start without any row."""
        self.settings = settings
        self.start = microseconds(settings.incident_start)
        self.end = microseconds(settings.incident_end)
        self.day_start = microseconds(settings.start)
        self.day_end = microseconds(settings.end)
        self.rows: list[Row] = []
        self.events: list[PlantedEvent] = []
        self._moments = 0

    def at(self, place: str) -> int:
        """Return a new moment before or during the incident, away from its edges."""
        self._moments += 1
        low, high = (self.start, self.end) if place == "during" else (self.day_start, self.start)
        share = 0.1 + 0.8 * (self._moments * GOLDEN_RATIO % 1.0)
        return low + int((high - low) * share) // 1000 * 1000 + self._moments

    def event(
        self, emitted: int, *traits: str, delay: int = 3 * SECOND, op: bool = True, **given: Any
    ) -> PlantedEvent:
        """Plant an original. `given` overrides its columns; `delay` is how late it arrives."""
        number = len(self.events)
        currency = given.get("currency", CURRENCIES[number % len(CURRENCIES)]) or "USD"
        row: Row = {
            "event_id": f"evt_planted_{number:04d}",
            "payment_id": f"pay_planted_{number:04d}",
            "merchant_id": f"mer_planted_{currency.lower()}",
            "event_type": "captured",
            "amount_cents": (1250 + 10 * number) * (100 if currency == "JPY" else 1),
            "currency": currency,
            "event_ts": emitted,
            "ingest_ts": emitted + delay,
        } | given
        payload = self._payload(number, emitted, row["amount_cents"])
        if not op:
            del payload["op"]
            traits = (*traits, "no_op")
        event = PlantedEvent(row, payload, emitted, traits)
        row |= {
            "payload": _payload_text(payload),
            "true_event_number": number,
            "is_copy": False,
            "kind": KINDS[0],
            "emitted_at": emitted,
            "arrived_at": emitted + delay,
        }
        row["traits"] = self._labels(event, row, event.traits)
        self.events.append(event)
        self.rows.append(row)
        return event

    def copy(
        self,
        event: PlantedEvent,
        *traits: str,
        delay: int = 4 * SECOND,
        fresh: bool = False,
        identical: bool = False,
        change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
        escape: bool = False,
        **given: Any,
    ) -> None:
        """Plant a copy that arrives `delay` after the emission.

        Args:
            event: What it is a copy of.
            *traits: Labels that can't be derived from comparing the rows.
            delay: Time from emission to arrival.
            fresh: Whether it has an event_id of its own.
            identical: Whether it equals the original in every column.
            change: What is done to the payload, instead of another delivery.
            escape: Whether the payload is written with JSON escapes.
            **given: Columns that differ from the original's.
        """
        event.copies += 1
        arrived = event.row["arrived_at"] if identical else event.emitted + delay
        row = event.row | {
            "is_copy": True,
            "kind": KINDS[2] if self._is_faulty(event.emitted) else KINDS[1],
            "arrived_at": arrived,
        }
        if not identical:
            changed = (change or _deliver_again(event.copies + 1))(dict(event.payload))
            row |= {"ingest_ts": arrived, "payload": _payload_text(changed, escape)}
            if change is None and not escape:
                traits = (*traits, "volatile_only")
        if fresh:
            row["event_id"] = f"{event.row['event_id']}_copy{event.copies}"
        row |= given
        row["traits"] = self._labels(event, row, (*event.traits, *traits))
        self.rows.append(row)

    def table(self) -> pa.Table:
        """Return everything planted in `ROW_SCHEMA`, in order of arrival."""
        rows = sorted(self.rows, key=lambda row: row["arrived_at"])
        arrays = [
            pa.array([row[field.name] for row in rows], pa.int64()).cast(field.type)
            if pa.types.is_timestamp(field.type)
            else pa.array([row[field.name] for row in rows], field.type)
            for field in ROW_SCHEMA
        ]
        return pa.Table.from_arrays(arrays, schema=ROW_SCHEMA)

    def complete_incident(self) -> None:
        """Give a copy to each event of the faulty version that has none: they all have 2 to 5."""
        for event in self.events:
            if self._is_faulty(event.emitted) and event.copies == 0:
                self.copy(event, fresh=event.row["true_event_number"] % 2 == 0)

    def _is_faulty(self, emitted: int) -> bool:
        return self.start <= emitted < self.end

    def _payload(self, number: int, emitted: int, amount: int | None) -> dict[str, Any]:
        is_faulty = self._is_faulty(emitted)
        ill_hosts = max(faulty_hosts(self.settings), 1)
        host = number % ill_hosts if is_faulty else HOSTS - 1 - number % max(HOSTS - ill_hosts, 1)
        return {
            "schema": "payment-event/3",
            "producer": producer(host, is_faulty),
            "op": {"id": f"op_planted_{number:04d}"},
            "channel": "web",
            "country": "DE",
            "delivery": {
                "attempt": 1,
                "trace_id": f"{number:012x}0001",
                "sent_at": from_microseconds(emitted + 2000).isoformat() + "Z",
            },
            "amount": _Number(_two_decimals(amount)),
            "client": {"agent": "Firefox 143", "os": "Ubuntu 24.04", "session": f"{number:016x}"},
            "description": f"Order {number} - planted",
        }

    def _labels(self, event: PlantedEvent, row: Row, traits: tuple[str, ...]) -> list[str]:
        """Return the labels of a row: the given ones and those that follow from its columns."""
        delay = row["arrived_at"] - event.emitted
        of_incident = self._is_faulty(event.emitted)
        found = {
            "late": MINUTE < delay <= 2 * HOUR,
            "straggler": delay > 2 * HOUR,
            "clock_ahead": delay < 0,
            "before_window": of_incident and row["arrived_at"] < self.start,
            "after_window": of_incident and row["arrived_at"] >= self.end,
        }
        found |= {f"null_{name}": row[name] is None for name in NULLABLE_COLUMNS}
        found |= _ahead("event_ts", row, event.emitted)
        found |= _ahead("ingest_ts", row, row["arrived_at"])
        if row["is_copy"]:
            found |= _compared(row, event.row)
        derived = [label for label, is_found in found.items() if is_found]
        return ["planted", *traits, *derived]


class _Number(str):
    """The exact text of a JSON number."""


def _two_decimals(cents: int | None) -> str:
    return "null" if cents is None else f"{cents // 100}.{cents % 100:02d}"


def _ahead(column: str, row: Row, true_moment: int) -> dict[str, bool]:
    """Return whether a stamp lies ahead of what is true, by years or by days."""
    ahead = (row[column] or 0) - true_moment
    return {f"future_{column}": ahead > YEAR, f"near_future_{column}": DAY < ahead <= YEAR}


def _compared(row: Row, original: Row) -> dict[str, bool]:
    has_id = row["event_id"] is not None
    same_id = has_id and row["event_id"] == original["event_id"]
    identical = all(row[name] == original[name] for name in BRONZE_SCHEMA.names)
    same_arrival = row["ingest_ts"] is not None and row["ingest_ts"] == original["ingest_ts"]
    incomplete = any(row[name] is None for name in KEY_COLUMNS)
    return {
        "shared_event_id": same_id,
        "fresh_event_id": has_id and not same_id,
        "copy_before_original": row["arrived_at"] < original["arrived_at"],
        "arrival_tie": same_arrival and row["event_id"] != original["event_id"],
        "byte_identical": identical,
        "unprovable": incomplete and not same_id and not identical,
    }


def _payload_text(payload: dict[str, Any], escape: bool = False) -> str:
    """Return the payload as JSON with its amount written exactly as given."""
    amount = payload["amount"]
    text = compact_json(payload | {"amount": "@amount@"}, escape)
    return text.replace('"@amount@"', amount)


def _deliver_again(attempt: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def deliver(payload: dict[str, Any]) -> dict[str, Any]:
        first = payload["delivery"]
        again = {"attempt": attempt, "trace_id": f"{first['trace_id'][:-4]}{attempt:04x}"}
        return payload | {"delivery": first | again}

    return deliver


def _reverse_keys(payload: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(payload.items()))


def _reverse_inner_keys(payload: dict[str, Any]) -> dict[str, Any]:
    inner = dict(reversed(payload["producer"].items()))
    return payload | {"producer": inner}


def _write_amount(text: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda payload: payload | {"amount": _Number(text)}


def plant_copy_counts(planter: Planter) -> None:
    """Events with 2 to 5 rows: sharing the event_id, not sharing it, and some of each."""
    for extra in (1, 2, 3, 4):
        for pattern in ("shared", "fresh", "mixed"):
            event = planter.event(planter.at("during"))
            for nth in range(extra):
                fresh = pattern == "fresh" or (pattern == "mixed" and nth % 2 == 0)
                planter.copy(event, fresh=fresh, delay=(4 + 9 * nth) * SECOND)
    for fresh in (True, False):
        planter.copy(planter.event(planter.at("before")), fresh=fresh)


def plant_payload_forms(planter: Planter) -> None:
    """Copies whose payload says the same in another form."""
    for place in PLACES:
        event = planter.event(planter.at(place))
        planter.copy(event, "key_order", change=_reverse_keys)
        planter.copy(event, "key_order", change=_reverse_inner_keys, fresh=True)
        event = planter.event(planter.at(place), amount_cents=1250, currency="EUR")
        for text in ("12.5", "12.500", "12.5000"):
            planter.copy(event, "number_format", change=_write_amount(text))
        event = planter.event(planter.at(place), amount_cents=100, currency="EUR")
        for text in ("1", "1.0"):
            planter.copy(event, "number_format", change=_write_amount(text), fresh=True)


def plant_ties(planter: Planter) -> None:
    """Copies that arrive in the same microsecond, and copies that differ in nothing."""
    for place in PLACES:
        event = planter.event(planter.at(place))
        # Sorts before its original, so the copy is the one that stays.
        planter.copy(event, delay=3 * SECOND, event_id="evt_a_tie_" + place)
        planter.copy(event, delay=3 * SECOND, fresh=True)
        # These two sort the other way round in UTF-16 than in UTF-8.
        event = planter.event(planter.at(place), "unicode", event_id=f"evt_\uff5e_{place}")
        planter.copy(event, delay=3 * SECOND, event_id=f"evt_\U0001f600_{place}")
        event = planter.event(planter.at(place))
        planter.copy(event, delay=3 * SECOND)
        event = planter.event(planter.at(place))
        planter.copy(event, identical=True)
        planter.copy(event, identical=True)
        planter.copy(event, fresh=True, delay=9 * SECOND)


def plant_twins(planter: Planter) -> None:
    """Equal partial captures in one instant, which only op.id tells apart."""
    for place, siblings, copies in (("before", 2, 0), ("before", 3, 1), ("during", 2, 2)):
        moment = planter.at(place)
        payment = f"pay_planted_twins_{len(planter.events):04d}"
        shared: Row = {"payment_id": payment, "currency": "USD"}
        total = 5000 * siblings
        authorized = planter.event(
            moment - MINUTE, event_type="authorized", amount_cents=total, **shared
        )
        if copies:
            planter.copy(authorized, fresh=True)
        for nth in range(siblings):
            twin = planter.event(moment, "equal_business_key", amount_cents=5000, **shared)
            for copy in range(copies):
                planter.copy(twin, fresh=(nth + copy) % 2 == 0)


def plant_null_keys(planter: Planter) -> None:
    """A NULL in each key column, with provable and unprovable copies."""
    for place in PLACES:
        for column in KEY_COLUMNS:
            null: Row = {column: None}
            planter.copy(planter.event(planter.at(place), **null))
            planter.copy(planter.event(planter.at(place), **null), fresh=True)
            event = planter.event(planter.at(place), **null)
            planter.copy(event)
            planter.copy(event, fresh=True)
        all_null: Row = dict.fromkeys(KEY_COLUMNS)
        planter.copy(planter.event(planter.at(place), **all_null))
    for column in KEY_COLUMNS:
        without_copies: Row = {column: None}
        planter.event(planter.at("before"), **without_copies)


def plant_null_event_ids(planter: Planter) -> None:
    """Rows without an event_id, with a complete and with an incomplete key."""
    for place in PLACES:
        event = planter.event(planter.at(place), event_id=None)
        planter.copy(event)
        planter.copy(event, event_id=f"evt_found_{place}")
        planter.copy(planter.event(planter.at(place)), event_id=None)
        for column in ("payment_id", "event_ts"):
            null: Row = {"event_id": None, column: None}
            planter.copy(planter.event(planter.at(place), **null), identical=True)
            planter.copy(planter.event(planter.at(place), **null))


def plant_wrong_times(planter: Planter) -> None:
    """Stamps that are missing or lie ahead: by years, or by a few days only."""
    near = planter.day_end + 3 * DAY
    for place in PLACES:
        planter.copy(planter.event(planter.at(place), ingest_ts=None))
        planter.copy(planter.event(planter.at(place)), ingest_ts=None, fresh=True)
        planter.copy(planter.event(planter.at(place), ingest_ts=None), ingest_ts=None)
        for stamp in (FAR_FUTURE, near):
            at = planter.at(place)
            wrong = stamp + at % DAY
            event = planter.event(at, event_ts=wrong)
            planter.copy(event)
            planter.copy(event, fresh=True)
            planter.copy(planter.event(planter.at(place), ingest_ts=wrong))
            event = planter.event(planter.at(place))
            planter.copy(event, ingest_ts=wrong + SECOND, fresh=True)
            both: Row = {"event_ts": wrong, "ingest_ts": wrong + 3 * SECOND}
            event = planter.event(planter.at(place), **both)
            planter.copy(event, ingest_ts=wrong + 4 * SECOND)
    planter.event(planter.at("before"), event_ts=FAR_FUTURE, ingest_ts=None)


def plant_lateness(planter: Planter) -> None:
    """Late rows and stragglers: the copy, the original, or both."""
    for place in PLACES:
        event = planter.event(planter.at(place))
        planter.copy(event, delay=70 * MINUTE)
        planter.copy(event, delay=119 * MINUTE, fresh=True)
        event = planter.event(planter.at(place))
        for hours in (3, 12, 30):
            planter.copy(event, delay=hours * HOUR, fresh=hours == 12)
        event = planter.event(planter.at(place), delay=95 * MINUTE)
        planter.copy(event)
        planter.copy(event, delay=40 * MINUTE, fresh=True)
        event = planter.event(planter.at(place), delay=20 * HOUR)
        planter.copy(event, fresh=True)
        event = planter.event(planter.at(place), delay=9 * HOUR)
        planter.copy(event, delay=8 * HOUR)
    planter.event(planter.at("before"), delay=26 * HOUR)


def plant_window_edges(planter: Planter) -> None:
    """Events and copies within a minute of the first and the last moment of the incident."""
    start, end, edge = planter.start, planter.end, "window_edge"
    before = planter.event(start - 1, edge)
    planter.copy(before, delay=5 * SECOND)
    before = planter.event(start - 20 * SECOND, edge, delay=2 * SECOND)
    planter.copy(before, delay=20 * SECOND + (end - start) + HOUR, fresh=True)
    planter.event(start - 2 * SECOND, edge, delay=2 * SECOND)
    first = planter.event(start, edge, delay=SECOND)
    planter.copy(first, delay=2 * SECOND, fresh=True)
    planter.copy(first, delay=30 * SECOND)
    # The producer's clock is ahead, so rows of the incident arrive before it begins.
    early = planter.event(start + 2 * SECOND, edge, delay=SECOND)
    planter.copy(early, delay=-4 * SECOND)
    planter.copy(early, delay=-3 * SECOND, fresh=True)
    last = planter.event(end - 1, edge, delay=SECOND)
    planter.copy(last, delay=10 * SECOND)
    planter.copy(last, delay=119 * MINUTE, fresh=True)
    planter.copy(planter.event(end - 5 * SECOND, edge), delay=5 * SECOND, fresh=True)
    planter.copy(planter.event(end - 6 * SECOND, edge), delay=6 * SECOND - 1)
    if end < planter.day_end:
        planter.event(end, edge)
        planter.copy(planter.event(end + SECOND, edge), fresh=True)


def plant_lookback_edges(planter: Planter) -> None:
    """Copies that arrive exactly as late as the usual lookback, and a microsecond off."""
    for place in PLACES:
        for off in (-1, 0, 1):
            event = planter.event(planter.at(place), "lookback_edge")
            planter.copy(event, delay=2 * HOUR + off, fresh=off == 0)


def plant_separators(planter: Planter) -> None:
    """Pairs of events whose values are equal once they are joined without care."""
    for nth, separator in enumerate(SEPARATORS):
        for place in PLACES:
            at = planter.at(place)
            base, labels = f"sep{nth}{place}", ("separator", "lookalike")
            same: Row = {"amount_cents": 4200, "currency": "USD"}
            pairs: list[Row] = [
                {"payment_id": f"{base}a{separator}b", "merchant_id": "c"},
                {"payment_id": f"{base}a", "merchant_id": f"b{separator}c"},
                {"payment_id": f"{base}x{separator}captured", "event_type": None},
                {"payment_id": f"{base}x", "event_type": "captured"},
            ]
            for ids in pairs:
                # Without op, nothing but the ids tells the two events of a pair apart.
                event = planter.event(at, *labels, op=False, **same | ids)
                if place == "during":
                    is_complete = event.row["event_type"] is not None
                    planter.copy(event, fresh=is_complete)


def plant_lookalikes(planter: Planter) -> None:
    """Ids that differ by so little that a normaliser or a NULL mark could merge the events."""
    groups: list[tuple[tuple[str | None, ...], tuple[str, ...]]] = [
        (("Pay_Case", "pay_case", "PAY_CASE"), ()),
        (("pay_space", "pay_space ", " pay_space"), ()),
        (("pay_café", "pay_cafe\u0301"), ("unicode",)),
        (("1", "01", "1.0"), ()),
        ((None, "NULL", "null"), ()),
    ]
    for place in PLACES:
        for ids, labels in groups:
            at = planter.at(place)
            same: Row = {"amount_cents": 7700, "currency": "USD"}
            for payment_id in ids:
                row = same | {"payment_id": payment_id}
                event = planter.event(at, "lookalike", *labels, op=False, **row)
                planter.copy(event)
    at = planter.at("before")
    for payment_id, labels in (("", ("empty_string",)), ("~", ("tilde",)), (None, ())):
        row = {"payment_id": payment_id, "amount_cents": 7701, "currency": "USD"}
        event = planter.event(at, "lookalike", *labels, merchant_id="", op=False, **row)
        planter.copy(event, fresh=payment_id == "~")
    event = planter.event(planter.at("during"), "empty_string", event_id="", payment_id="~~")
    planter.copy(event)
    event = planter.event(planter.at("during"), "tilde", event_id="~")
    planter.copy(event)


def plant_unicode(planter: Planter) -> None:
    """Ids and payloads outside ASCII, also written with JSON escapes."""
    for place in PLACES:
        for text in ("e\u0301o\u0308", "👩‍💻🎫", "دفع\u200f-שלום", "支付", "\U00010348"):
            ids: Row = {"payment_id": f"pay_{text}_{place}", "event_id": f"evt_{text}_{place}"}
            event = planter.event(planter.at(place), "unicode", **ids)
            event.payload["description"] = f'Order "{text}"\n\t\\ 100% | : , ~'
            event.row["payload"] = _payload_text(event.payload)
            planter.copy(event, fresh=True)
            planter.copy(event, "json_escapes", escape=True)


CASES = (
    plant_copy_counts,
    plant_payload_forms,
    plant_ties,
    plant_twins,
    plant_null_keys,
    plant_null_event_ids,
    plant_wrong_times,
    plant_lateness,
    plant_window_edges,
    plant_lookback_edges,
    plant_separators,
    plant_lookalikes,
    plant_unicode,
)


def planted_rows(settings: IncidentSettings) -> pa.Table:
    """Return all hand-made rows in `ROW_SCHEMA`, numbered from 0, in order of arrival."""
    planter = Planter(settings)
    if settings.planted:
        for plant in CASES:
            plant(planter)
        planter.complete_incident()
    return planter.table()
