"""The labels of special situations, as they stand in the ground truth.

A label that speaks of the event (`null_currency`, `unicode`) is on each of its rows. A label that
compares a copy with its original (`key_order`, `arrival_tie`) is on the copy only.
"""

from __future__ import annotations

# Labels that the bulk of the data has; the position is the bit in the `flags` of a row.
BULK_TRAITS: dict[str, str] = {
    "late": "arrived more than 60 seconds and up to 2 hours after it was emitted",
    "straggler": "arrived more than 2 hours after it was emitted",
    "shared_event_id": "a copy with the event_id of its original",
    "fresh_event_id": "a copy with another event_id than its original",
    "copy_before_original": "a copy that arrived before its original",
    "after_window": "belongs to the incident but arrived at or after its end",
    "arrival_tie": "same ingest_ts as its original, another event_id",
    "byte_identical": "equal to its original in every column",
    "volatile_only": "payload differs from the original's in delivery.* only",
    "key_order": "payload has its keys in another order",
    "number_format": "payload writes the same number differently (12.5 for 12.50)",
    "equal_business_key": "a second true event has the same key columns; only op.id differs",
    "no_op": "payload has no op",
    "null_payment_id": "payment_id is NULL",
    "null_event_type": "event_type is NULL",
    "null_amount_cents": "amount_cents is NULL",
    "null_currency": "currency is NULL",
    "null_event_ts": "event_ts is NULL",
    "unprovable": "a copy that no column can prove: incomplete key and no shared event_id",
}

# Labels that only the hand-made cases have.
PLANTED_TRAITS: dict[str, str] = {
    "planted": "a hand-made row",
    "before_window": "belongs to the incident but arrived before its start",
    "window_edge": "its event was emitted within a minute of an edge of the incident",
    "lookback_edge": "has a copy that arrived 2 hours after its event time, give or take 1 us",
    "clock_ahead": "the producer's clock was ahead: it arrived before its own event time",
    "null_event_id": "event_id is NULL",
    "null_ingest_ts": "ingest_ts is NULL",
    "future_event_ts": "event_ts lies years ahead",
    "future_ingest_ts": "ingest_ts lies years ahead",
    "near_future_event_ts": "event_ts lies a few days ahead of the data",
    "near_future_ingest_ts": "ingest_ts lies a few days ahead of the data",
    "unicode": "ids hold combining characters, emoji, right-to-left or other non-ASCII text",
    "json_escapes": "payload writes the same text with JSON escapes",
    "separator": "ids hold a separator; joined without care they equal another event's",
    "lookalike": "a second true event differs in one id by case, space, NULL mark or encoding only",
    "empty_string": "an id is the empty string",
    "tilde": "an id is '~'",
}

TRAITS: dict[str, str] = BULK_TRAITS | PLANTED_TRAITS

BIT: dict[str, int] = {label: 1 << position for position, label in enumerate(BULK_TRAITS)}


def labels_of(flags: int) -> list[str]:
    """Return the labels whose bit is set."""
    return [label for label, bit in BIT.items() if flags & bit]
