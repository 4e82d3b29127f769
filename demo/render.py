"""Turns numeric rows into the rows of raw.events and their ground truth, column by column."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from demo.events import (
    CURRENCIES,
    EVENT_TYPES,
    HOSTS,
    KINDS,
    REPEAT_US,
    currency_of_merchant,
    host_of_event,
)
from demo.hashing import Bits, Ints, mix, pick
from demo.settings import IncidentSettings
from demo.traits import BIT, labels_of

TIMESTAMP = pa.timestamp("us")

BRONZE_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("payment_id", pa.string()),
        ("merchant_id", pa.string()),
        ("event_type", pa.string()),
        ("amount_cents", pa.int64()),
        ("currency", pa.string()),
        ("event_ts", TIMESTAMP),
        ("ingest_ts", TIMESTAMP),
        ("payload", pa.string()),
    ]
)
TRUTH_SCHEMA = pa.schema(
    [
        ("true_event_number", pa.int64()),
        ("is_copy", pa.bool_()),
        ("kind", pa.string()),
        ("traits", pa.list_(pa.string())),
        ("emitted_at", TIMESTAMP),
        ("arrived_at", TIMESTAMP),
    ]
)
# A row as it is written: what goes to bronze, then what goes to the ground truth.
ROW_SCHEMA = pa.schema([*BRONZE_SCHEMA, *TRUTH_SCHEMA])

FAULTY_VERSION = "4.2.0"
USUAL_VERSIONS = ("4.1.3", "4.1.3", "4.1.3", "4.1.2")
PRODUCERS = ("checkout-api", "checkout-api", "checkout-api", "risk-service", "web-sdk")
CHANNELS = ("web", "web", "ios", "android", "api")
DISTRACTOR = CHANNELS.index("api")
COUNTRIES = ("US", "US", "US", "DE", "FR", "GB", "ES", "JP", "NL", "BR")
DEVICES = (
    ("Chrome 141", "Windows 11"),
    ("Safari 19", "macOS 16"),
    ("Firefox 143", "Ubuntu 24.04"),
    ("PayWave SDK 5.12.1", "iOS 19.3"),
    ("PayWave SDK 5.11.0", "Android 16"),
)
GOODS = (
    "running shoes",
    "espresso beans 1kg",
    "train ticket",
    "monthly subscription",
    "câble USB-C",
    "Kinderfahrrad",
    "concert ticket 🎫",
    "緑茶 100g",
)

SALT_PAYMENT, SALT_EVENT_ID, SALT_OP, SALT_TRACE, SALT_SESSION = 10, 11, 12, 13, 14
SALT_CHANNEL, SALT_COUNTRY, SALT_DEVICE, SALT_GOODS, SALT_ORDER = 20, 21, 22, 23, 24
SALT_DISTRACTOR = 25

# Orders of the payload's members; the first is the usual one.
MEMBERS = (
    "schema",
    "producer",
    "op",
    "channel",
    "country",
    "delivery",
    "amount",
    "client",
    "description",
)
KEY_ORDERS = (MEMBERS, MEMBERS[::-1], MEMBERS[4:] + MEMBERS[:4])

_HEX_PAIRS = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype=np.uint16)


def render(rows: pa.Table, settings: IncidentSettings) -> pa.Table:
    """Return numeric rows in `ROW_SCHEMA`."""
    seed = settings.seed
    number, flags = _ints(rows, "number"), _ints(rows, "flags")
    merchant = _ints(rows, "merchant")
    arrived = pa.array(_ints(rows, "arrived")).cast(TIMESTAMP)
    emitted = pa.array(_ints(rows, "emitted")).cast(TIMESTAMP)
    payment_id = _joined("pay_", hex_text(mix(_ints(rows, "payment"), seed, SALT_PAYMENT)))
    currency = _chosen(CURRENCIES, currency_of_merchant(merchant, seed))
    columns = {
        "event_id": _joined("evt_", hex_text(mix(_ints(rows, "event_id"), seed, SALT_EVENT_ID))),
        "payment_id": _nulled(payment_id, flags, "null_payment_id"),
        "merchant_id": _chosen(merchant_ids(settings.merchants), merchant),
        "event_type": _nulled(_chosen(EVENT_TYPES, _ints(rows, "type")), flags, "null_event_type"),
        "amount_cents": _nulled(pa.array(_ints(rows, "amount")), flags, "null_amount_cents"),
        "currency": _nulled(currency, flags, "null_currency"),
        "event_ts": _nulled(emitted, flags, "null_event_ts"),
        "ingest_ts": arrived,
        "payload": _payload(rows, settings),
        "true_event_number": number,
        "is_copy": _ints(rows, "kind") != 0,
        "kind": _chosen(KINDS, _ints(rows, "kind")),
        "traits": _traits(flags),
        "emitted_at": emitted,
        "arrived_at": arrived,
    }
    return pa.table(columns, schema=ROW_SCHEMA)


def merchant_ids(merchants: int) -> list[str]:
    """Return the ids of all merchants, the most popular first."""
    return [f"mer_{index:06d}" for index in range(merchants)]


def hex_text(bits: Bits) -> pa.Array:
    """Return 16 hexadecimal digits for each number, without a Python loop."""
    as_bytes = bits.astype(">u8").view(np.uint8)
    digits = _HEX_PAIRS[as_bytes].tobytes()
    offsets = np.arange(0, 16 * (len(bits) + 1), 16, dtype=np.int32)
    return pa.StringArray.from_buffers(len(bits), pa.py_buffer(offsets), pa.py_buffer(digits))


def host_name(host: int) -> str:
    """Return the name of a host; the part before the number is its producer."""
    return f"{PRODUCERS[host % len(PRODUCERS)]}-{host:03d}"


def producer(host: int, is_faulty: bool) -> dict[str, str]:
    """Return the producer member of a payload that this host writes."""
    usual = USUAL_VERSIONS[host % len(USUAL_VERSIONS)]
    return {
        "name": PRODUCERS[host % len(PRODUCERS)],
        "version": FAULTY_VERSION if is_faulty else usual,
        "host": host_name(host),
    }


def _ints(rows: pa.Table, name: str) -> Ints:
    values: Ints = rows[name].to_numpy().astype(np.int64, copy=False)
    return values


def _joined(*parts: str | pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def _chosen(values: Sequence[str], index: Ints) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(index))


def _nulled(values: pa.Array, flags: Ints, label: str) -> pa.Array:
    is_null = (flags & BIT[label]) != 0
    return pc.if_else(pa.array(is_null), pa.scalar(None, values.type), values)


def _traits(flags: Ints) -> pa.Array:
    distinct, index = np.unique(flags, return_inverse=True)
    labels = pa.array([labels_of(int(value)) for value in distinct], pa.list_(pa.string()))
    return labels.take(pa.array(index))


def _payload(rows: pa.Table, settings: IncidentSettings) -> pa.Array:
    members = _members(rows, settings)
    key_order = _ints(rows, "key_order")
    texts, positions = [], []
    for order, names in enumerate(KEY_ORDERS):
        at = np.flatnonzero(key_order == order)
        if len(at):
            # Members that are NULL (no op) are left out together with their comma.
            chosen = [members[name].take(pa.array(at)) for name in names]
            body = pc.binary_join_element_wise(*chosen, ",", null_handling="skip")
            texts.append(_joined("{", body, "}"))
            positions.append(at)
    if len(texts) == 1:
        return texts[0]
    back = np.argsort(np.concatenate(positions))
    return pa.concat_arrays(texts).take(pa.array(back))


def _members(rows: pa.Table, settings: IncidentSettings) -> dict[str, pa.Array]:
    """Return the members of the payloads as JSON text, one array per key."""
    seed = settings.seed
    number, flags = _ints(rows, "number"), _ints(rows, "flags")
    delivery = _ints(rows, "delivery")
    count = len(number)
    op = _joined('"op":{"id":"op_', hex_text(mix(number, seed, SALT_OP)), '"}')
    return {
        "schema": pa.repeat(pa.scalar('"schema":"payment-event/3"'), count),
        "producer": _producers(rows, seed),
        "op": _nulled(op, flags, "no_op"),
        "channel": _channels(number, _ints(rows, "faulty"), settings),
        "country": _picked('"country":', COUNTRIES, number, seed, SALT_COUNTRY),
        "delivery": _deliveries(number, delivery, _ints(rows, "emitted"), seed),
        "amount": _nulled_amount(rows, flags),
        "client": _joined(
            _picked('"client":', _clients(), number, seed, SALT_DEVICE),
            hex_text(mix(number, seed, SALT_SESSION)),
            '"}',
        ),
        "description": _joined(
            '"description":"Order ',
            pa.array(pick(number, 1_000_000, seed, SALT_ORDER)).cast(pa.string()),
            " - ",
            _chosen(GOODS, pick(number, len(GOODS), seed, SALT_GOODS)),
            '"',
        ),
    }


def _producers(rows: pa.Table, seed: int) -> pa.Array:
    members = [
        '"producer":' + compact_json(producer(host, is_faulty))
        for is_faulty in (False, True)
        for host in range(HOSTS)
    ]
    host = host_of_event(_ints(rows, "number"), seed)
    return _chosen(members, host + HOSTS * _ints(rows, "faulty"))


def _channels(number: Ints, faulty: Ints, settings: IncidentSettings) -> pa.Array:
    usual = pick(number, len(CHANNELS), settings.seed, SALT_CHANNEL)
    drawn = pick(number, 1_000_000, settings.seed, SALT_DISTRACTOR)
    is_moved = drawn < settings.distractor_share * 1_000_000
    members = [f'"channel":"{channel}"' for channel in CHANNELS]
    return _chosen(members, np.where(is_moved & (faulty != 0), DISTRACTOR, usual))


def _deliveries(number: Ints, delivery: Ints, emitted: Ints, seed: int) -> pa.Array:
    sent = pa.array(emitted + 2_000 + delivery * REPEAT_US).cast(TIMESTAMP).cast(pa.string())
    return _joined(
        '"delivery":{"attempt":',
        pa.array(delivery + 1).cast(pa.string()),
        ',"trace_id":"',
        hex_text(mix(number * 8 + delivery, seed, SALT_TRACE)),
        '","sent_at":"',
        pc.binary_replace_slice(sent, 10, 11, "T"),
        'Z"}',
    )


def _nulled_amount(rows: pa.Table, flags: Ints) -> pa.Array:
    text = _amounts(_ints(rows, "amount"), _ints(rows, "number_format"))
    is_null = pa.array((flags & BIT["null_amount_cents"]) != 0)
    return _joined('"amount":', pc.if_else(is_null, "null", text))


def _amounts(cents: Ints, number_format: Ints) -> pa.Array:
    """Return amounts in whole units: 12.50 usually, 12.5 (or 12, or 12.340) otherwise."""
    whole = pa.array(cents // 100).cast(pa.string())
    rest = cents % 100
    usual = [f".{value:02d}" for value in range(100)]
    other = [usual_text.rstrip("0").rstrip(".") for usual_text in usual]
    # 12.34 has no zero to drop, so its other form has one more.
    other = [text + "0" if text == usual[value] else text for value, text in enumerate(other)]
    return _joined(whole, _chosen(usual + other, rest + 100 * number_format))


def _picked(prefix: str, values: Sequence[str], number: Ints, seed: int, salt: int) -> pa.Array:
    is_json = values[0].startswith("{")
    members = [prefix + (value if is_json else json.dumps(value)) for value in values]
    return _chosen(members, pick(number, len(values), seed, salt))


def _clients() -> list[str]:
    return [f'{{"agent":"{agent}","os":"{system}","session":"' for agent, system in DEVICES]


def compact_json(value: object, escape: bool = False) -> str:
    """Return JSON without spaces, in UTF-8 unless `escape` asks for backslash-u."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=escape)
