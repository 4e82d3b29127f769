"""What the tables should hold, in plain Python, from the contract and not from the SQL.

A row of the source is a dict of Python values. NULL is None; a time without a time zone is in UTC.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from hashlib import md5, sha256
from itertools import combinations
from typing import Any

Row = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The columns that the tests' sources hold as JSON; elsewhere JSON is text like any other.
JSON_COLUMNS = ("payload",)
NORMALISERS = {"trim": lambda text: text.strip(" "), "upper": str.upper, "lower": str.lower}


@dataclass(frozen=True)
class Layout:
    """Which column plays which part, and the settings that matter to the result."""

    key: tuple[str, ...] = ("payment_id", "event_type", "amount_cents", "currency", "event_ts")
    normalise: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identity_paths: tuple[str, ...] = ()
    event_time: str = "event_ts"
    arrival_time: str = "ingest_ts"
    event_id: str | None = "event_id"
    payload: str | None = "payload"
    payment_id: str = "payment_id"
    event_type: str = "event_type"
    amount: str = "amount_cents"
    currency: str = "currency"
    merchant_id: str | None = "merchant_id"
    event_types: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {
            name: (name,) for name in ("authorized", "captured", "refunded", "chargeback")
        }
    )
    lookback: timedelta = timedelta(hours=2)
    # as in the seed payload_field_policy
    policy: Mapping[str, str] = field(
        default_factory=lambda: {
            "delivery.*": "volatile",
            "producer.host": "volatile",
            "description": "benign",
            "amount": "material",
            "op.id": "identity",
        }
    )


DEFAULT = Layout()


def utc(moment: datetime) -> datetime:
    """The moment with time zone UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def canonical_text(value: Any) -> str | None:
    """The one text of a value."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case int() | str():
            return str(value)
        case Decimal():
            text = f"{value:f}"
            text = text.rstrip("0").rstrip(".") if "." in text else text
            return "0" if text == "-0" else text
        case datetime():
            return str((utc(value) - EPOCH) // timedelta(microseconds=1))
        case date():
            return value.isoformat()
    raise TypeError(f"{value!r} has no canonical text")


def part(text: str | None) -> str:
    """A part of what is hashed: its length in bytes, then itself."""
    return "~" if text is None else f"{len(text.encode())}:{text}"


def hashed(*parts: str) -> str:
    """MD5 of the version tag and the parts, in hexadecimal."""
    return md5("".join((part("v1"), *parts)).encode()).hexdigest()


def payload_text(payload: str | None, path: str) -> str | None:
    """The value at a dotted path, or None where there is none."""
    try:
        value = json.loads(payload or "null")
    except json.JSONDecodeError:
        return None
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value if value is None or isinstance(value, str) else _json_text(value)


def json_text(text: str | None) -> str | None:
    """The one text of a JSON document: sorted keys, no blanks, no trailing zeros in decimals."""
    return None if text is None else _json_text(json.loads(text))


def _json_text(value: Any, is_member: bool = True) -> str:
    match value:
        case dict():
            members = [f"{_json_text(name)}:{_json_text(value[name])}" for name in sorted(value)]
            return "{" + ",".join(members) + "}"
        case list():
            return "[" + ",".join(_json_text(item, is_member=False) for item in value) + "]"
        case float() if is_member and "e" not in repr(value):
            return repr(value).rstrip("0").rstrip(".")
    return json.dumps(value, ensure_ascii=False)


def row_hash(row: Row) -> str:
    """Names and values of a whole row, NULLs left out, in the order of the names in lower case."""
    parts = []
    for name in sorted(row, key=str.lower):
        text = json_text(row[name]) if name in JSON_COLUMNS else canonical_text(row[name])
        if text is not None:
            parts += [part(name.lower()), part(text)]
    return hashed(part("row"), *parts)


# The columns that an entry's hash covers, in this order
LEDGER_COLUMNS = (
    "entry_number",
    "recorded_at",
    "incident_id",
    "step",
    "phase",
    "actor",
    "arguments",
    "counts",
    "digests",
    "package_version",
    "project_commit",
    "rule_version",
    "invocation_id",
    "previous_hash",
)


def entry_hash(entry: Row) -> str:
    """SHA-256 of an entry of the ledger, in hexadecimal."""
    parts = (part(canonical_text(entry[name])) for name in LEDGER_COLUMNS)
    return sha256("".join(parts).encode()).hexdigest()


def has_complete_key(row: Row, layout: Layout = DEFAULT) -> bool:
    """Whether every business key column has a value."""
    return all(row[name] is not None for name in layout.key)


def fingerprint(row: Row, layout: Layout = DEFAULT) -> str:
    """What identifies the event: its key, else its event_id, else its content."""
    if has_complete_key(row, layout):
        texts = []
        for name in layout.key:
            text = canonical_text(row[name])
            for normaliser in layout.normalise.get(name, ()):
                text = NORMALISERS[normaliser](str(text))
            texts.append(text)
        if layout.payload is not None:
            texts += [payload_text(row[layout.payload], path) for path in layout.identity_paths]
        return hashed(part("key"), *map(part, texts))
    if layout.event_id is not None and row[layout.event_id] is not None:
        return hashed(part("event_id"), part(canonical_text(row[layout.event_id])))
    return hashed(part("content"), part(row_hash(row)))


def survivor_rank(row: Row, layout: Layout = DEFAULT) -> tuple:
    """What copies are ordered by: arrival, event_id, row hash, NULLs last."""
    arrival = row[layout.arrival_time]
    event_id = row[layout.event_id] if layout.event_id is not None else None
    return (
        (arrival is None, EPOCH if arrival is None else utc(arrival)),
        (event_id is None, "" if event_id is None else event_id),
        row_hash(row),
    )


def groups(rows: Iterable[Row], layout: Layout = DEFAULT) -> dict[str, list[Row]]:
    """The copies of each event, the survivor first."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[fingerprint(row, layout)].append(row)
    return {
        name: sorted(copies, key=lambda row: survivor_rank(row, layout))
        for name, copies in found.items()
    }


def deduplicated(rows: Iterable[Row], layout: Layout = DEFAULT) -> dict[str, Row]:
    """The survivor of each event."""
    return {name: copies[0] for name, copies in groups(rows, layout).items()}


def watermark(rows: Iterable[Row], layout: Layout = DEFAULT) -> datetime | None:
    """The tenth latest arrival of an event whose times are sane: past, and near each other."""
    now = datetime.now(UTC)
    sane = []
    for row in deduplicated(rows, layout).values():
        arrival, happened = row[layout.arrival_time], row[layout.event_time]
        if arrival is None or happened is None or utc(arrival) > now:
            continue
        if abs(utc(arrival) - utc(happened)) <= layout.lookback:
            sane.append(utc(arrival))
    return sorted(sane, reverse=True)[9] if len(sane) > 9 else None


@dataclass(frozen=True, order=True)
class Decision:
    """What becomes of a copy."""

    event_fingerprint: str
    row_hash: str
    decision: str
    reason: str
    survivor_row_hash: str


def decisions(
    rows: Iterable[Row],
    start: datetime,
    end: datetime,
    layout: Layout = DEFAULT,
    overrides: Mapping[str, str] | None = None,
) -> Counter[Decision]:
    """The decisions for a declared window, as a multiset."""
    scope_start, scope_end = utc(start) - layout.lookback, utc(end) + layout.lookback
    found: Counter[Decision] = Counter()
    for name, copies in groups(rows, layout).items():
        # an event without an arrival time is placed by its event time
        times = [row[layout.arrival_time] or row[layout.event_time] for row in copies]
        in_scope = [time for time in times if time and scope_start <= utc(time) < scope_end]
        if len(copies) < 2 or not in_scope:
            continue
        verdict = (overrides or {}).get(name)
        payload_class = _payload_class(copies, layout)
        first_of: dict[Any, str] = {}
        for position, row in enumerate(copies):
            tells_apart = payload_class == "identity" and verdict is None
            said = _said(row, layout) if tells_apart and has_complete_key(row, layout) else None
            is_first = said not in first_of
            survivor = first_of.setdefault(said, row_hash(row))
            judged = _verdict(row, position, is_first, survivor, verdict, payload_class, layout)
            stays = row_hash(copies[0]) if judged[1] == "distinct_payload" else survivor
            found[Decision(name, row_hash(row), *judged, stays)] += 1
    return found


def _said(row: Row, layout: Layout) -> frozenset[tuple[Any, Any]]:
    """What a payload says, without what is volatile."""
    text = row[layout.payload] if layout.payload else None
    leaves = _leaves(json.loads(text or "null"))
    return frozenset(
        (path, value)
        for path, value in leaves.items()
        if _class_of_path(path, layout) != "volatile"
    )


def _verdict(
    row: Row,
    position: int,
    is_first: bool,
    survivor: str,
    verdict: str | None,
    payload_class: str,
    layout: Layout,
) -> tuple[str, str]:
    if verdict is not None:
        first = "keep" if position == 0 else "remove"
        return (first if verdict == "remove" else verdict), "override"
    if not has_complete_key(row, layout):
        return "review", "incomplete_key"
    if payload_class == "material":
        return "review", "material_payload"
    if is_first:
        return "keep", "distinct_payload" if payload_class == "identity" else "first_copy"
    return "remove", "identical_copy" if row_hash(row) == survivor else "later_copy"


def _payload_class(copies: Sequence[Row], layout: Layout) -> str:
    """The gravest class of the paths in which payloads differ; benign where nothing does."""
    if layout.payload is None:
        return "benign"
    texts = {row[layout.payload] or "null" for row in copies}
    try:
        leaves = [_leaves(json.loads(text)) for text in texts]
    except json.JSONDecodeError:
        return "benign" if len(texts) == 1 else "material"
    classes = {"benign"}
    for path in {path for one in leaves for path in one}:
        values = {one.get(path) for one in leaves}
        if len(values) > 1:
            found = _class_of_path(path, layout)
            lacks = len(values - {None, "null"}) < 2
            classes.add("material" if found == "identity" and lacks else found)
    if "identity" in classes and _is_unclear(leaves, layout):
        return "material"
    return next(name for name in ("identity", "material", "benign") if name in classes)


def _is_unclear(payloads: Sequence[dict[tuple[str, ...], str]], layout: Layout) -> bool:
    """Whether two payloads say different things, but no identity that both have differs."""
    for one, other in combinations(payloads, 2):
        told = [
            {
                path: value
                for path, value in payload.items()
                if _class_of_path(path, layout) != "volatile"
            }
            for payload in (one, other)
        ]
        tells_apart = any(
            _class_of_path(path, layout) == "identity" and told[1].get(path, value) != value
            for path, value in told[0].items()
            if "null" not in (value, told[1].get(path))
        )
        if told[0] != told[1] and not tells_apart:
            return True
    return False


def _leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """What stands at the end of each path, as text; numbers by value."""
    if isinstance(value, (dict, list)) and value:
        members = value.items() if isinstance(value, dict) else enumerate(value)
        return {
            found: text
            for name, member in members
            for found, text in _leaves(member, (*path, str(name))).items()
        }
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return {path: f"number {Decimal(str(value)).normalize()}" if is_number else json.dumps(value)}


def _class_of_path(path: tuple[str, ...], layout: Layout) -> str:
    def holds(pattern: list[str]) -> bool:
        return len(pattern) <= len(path) and all(
            name in ("*", step) for name, step in zip(pattern, path, strict=False)
        )

    patterns = [pattern for pattern in layout.policy if holds(pattern.split("."))]
    return layout.policy[max(patterns, key=len)] if patterns else "material"


def payments(events: Iterable[Row], layout: Layout = DEFAULT) -> list[dict[str, Any]]:
    """The table payments, from the events that it should be made of."""
    by_payment: dict[Any, list[Row]] = defaultdict(list)
    for row in events:
        if has_complete_key(row, layout) and row[layout.payment_id] is not None:
            by_payment[row[layout.payment_id]].append(row)
    return [_payment(name, found, layout) for name, found in by_payment.items()]


def _payment(payment_id: Any, events: Sequence[Row], layout: Layout) -> dict[str, Any]:
    cents = {name: _amount(events, name, layout) for name in layout.event_types}
    count = {name: _count(events, name, layout) for name in layout.event_types}
    times = [utc(row[layout.event_time]).replace(tzinfo=None) for row in events]
    if count["chargeback"]:
        status = "charged_back"
    elif count["refunded"]:
        whole = cents["refunded"] >= cents["captured"]
        status = "refunded" if whole else "partially_refunded"
    else:
        status = next((name for name in ("captured", "authorized") if count[name]), "unknown")
    return {
        "payment_id": payment_id,
        "merchant_id": min(_merchant(row, layout) for row in events),
        "currency": min(row[layout.currency] for row in events),
        "authorized_cents": cents["authorized"],
        "captured_cents": cents["captured"],
        "refunded_cents": cents["refunded"],
        "chargeback_cents": cents["chargeback"],
        "net_cents": cents["captured"] - cents["refunded"] - cents["chargeback"],
        "event_count": len(events),
        "status": status,
        "first_event_at": min(times),
        "last_event_at": max(times),
    }


def fraud_features(events: Iterable[Row], layout: Layout = DEFAULT) -> list[dict[str, Any]]:
    """The table fraud_features, from the events that it should be made of."""
    by_hour: dict[tuple[str, datetime], list[Row]] = defaultdict(list)
    for row in events:
        if has_complete_key(row, layout) and row[layout.payment_id] is not None:
            happened = utc(row[layout.event_time]).replace(tzinfo=None)
            hour = happened.replace(minute=0, second=0, microsecond=0)
            by_hour[_merchant(row, layout), hour].append(row)
    return [
        {
            "merchant_id": merchant_id,
            "event_hour": hour,
            "authorized_count": _count(found, "authorized", layout),
            "captured_count": _count(found, "captured", layout),
            "refunded_count": _count(found, "refunded", layout),
            "chargeback_count": _count(found, "chargeback", layout),
            "authorized_cents": _amount(found, "authorized", layout),
            "distinct_payments": len({row[layout.payment_id] for row in found}),
            "captures_per_authorization": _ratio(
                _count(found, "captured", layout), _count(found, "authorized", layout)
            ),
            "chargeback_rate": _ratio(
                _count(found, "chargeback", layout), _count(found, "captured", layout)
            ),
        }
        for (merchant_id, hour), found in by_hour.items()
    ]


def _merchant(row: Row, layout: Layout) -> str:
    value = None if layout.merchant_id is None else row[layout.merchant_id]
    return "(none)" if value is None else str(value)


def _is(row: Row, name: str, layout: Layout) -> bool:
    return row[layout.event_type] in layout.event_types[name]


def _count(events: Sequence[Row], name: str, layout: Layout) -> int:
    return sum(_is(row, name, layout) for row in events)


def _amount(events: Sequence[Row], name: str, layout: Layout) -> Any:
    return sum(row[layout.amount] for row in events if _is(row, name, layout))


def _ratio(part_count: int, whole_count: int) -> Decimal | None:
    if whole_count == 0:
        return None
    exact = Decimal(part_count) / Decimal(whole_count)
    return exact.quantize(Decimal("0.000001"), rounding=ROUND_HALF_UP)
