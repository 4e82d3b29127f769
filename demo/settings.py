"""What an incident day looks like, and the checks that refuse an impossible one."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_HOUR = 3600 * MICROSECONDS_PER_SECOND
EPOCH = datetime(1970, 1, 1)
MAX_EVENTS = 1_000_000_000


@dataclass(frozen=True)
class IncidentSettings:
    """One day of events and the incident in it. All times are UTC without a time zone.

    Attributes:
        events: Approximate number of logical events.
        seed: Equal settings and seed give equal rows.
        start: First hour of event time.
        hours: Length of the day in hours of event time.
        incident_start: First moment at which the faulty version emits copies.
        incident_hours: Length of the incident.
        incident_share: Share of the traffic that the faulty version carries during the incident.
        distractor_share: Share of the faulty version's events that come through one channel, beside
            those that would anyway: it goes along with the cause without being it.
        shared_event_id_share: Share of copied events whose copies repeat the event_id.
        stray_rate: Share of other events that have one stray copy.
        late_rate: Share of originals that arrive more than a minute late, up to 2 hours.
        straggler_rate: Share of originals that arrive 3 to 30 hours late.
        copy_late_rate: The same for copies.
        copy_straggler_rate: The same for copies.
        twin_rate: Share of captures done as two equal partial captures in one instant.
        no_op_rate: Share of payments whose events carry no `op` in the payload.
        incomplete_key_rate: Share of events with a NULL in one of the key columns.
        merchants: Number of merchants; a few of them have most of the traffic.
        planted: Whether the hand-made special cases (see `demo.planted`) are in the data.
    """

    events: int = 1_000_000
    seed: int = 7
    start: datetime = datetime(2026, 3, 1)
    hours: int = 24
    incident_start: datetime = datetime(2026, 3, 1, 10)
    incident_hours: float = 4.0
    incident_share: float = 0.30
    distractor_share: float = 0.0
    shared_event_id_share: float = 0.5
    stray_rate: float = 0.001
    late_rate: float = 0.01
    straggler_rate: float = 0.0005
    copy_late_rate: float = 0.03
    copy_straggler_rate: float = 0.002
    twin_rate: float = 0.003
    no_op_rate: float = 0.005
    incomplete_key_rate: float = 0.0002
    merchants: int = 2000
    planted: bool = True

    def __post_init__(self) -> None:
        """Refuse a day that can't be generated, naming the field, its value and what it takes."""
        _check("events", self.events, 1 <= self.events <= MAX_EVENTS, f"1 to {MAX_EVENTS}")
        _check("seed", self.seed, 0 <= self.seed < 2**32, "0 to 4294967295")
        _check("hours", self.hours, 2 <= self.hours <= 24 * 31, "2 to 744")
        _check("merchants", self.merchants, 1 <= self.merchants <= 1_000_000, "1 to 1000000")
        for name in _share_fields():
            share = getattr(self, name)
            _check(name, share, 0.0 <= share <= 1.0, "a share from 0 to 1")
        for name in ("start", "incident_start"):
            moment = getattr(self, name)
            _check(name, moment, moment.tzinfo is None, "a UTC time without a time zone")
        whole_hour = self.start == self.start.replace(minute=0, second=0, microsecond=0)
        _check("start", self.start, whole_hour, "a whole hour")
        _check("incident_hours", self.incident_hours, self.incident_hours > 0, "more than 0")
        # An hour of quiet before the incident leaves room for what is planted outside it.
        earliest = self.start + timedelta(hours=1)
        _check(
            "incident_start",
            self.incident_start,
            earliest <= self.incident_start < self.end,
            f"a time from {earliest} to before {self.end}, inside the day",
        )
        _check(
            "incident_hours",
            self.incident_hours,
            self.incident_end <= self.end,
            f"at most {(self.end - self.incident_start) / timedelta(hours=1):g}, "
            f"so that the incident ends inside the day, which ends at {self.end}",
        )

    @property
    def end(self) -> datetime:
        """The end of the day; no event happens at or after it."""
        return self.start + timedelta(hours=self.hours)

    @property
    def incident_end(self) -> datetime:
        """The first moment after the incident."""
        return self.incident_start + timedelta(hours=self.incident_hours)


def microseconds(moment: datetime) -> int:
    """Return whole microseconds since the epoch."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_microseconds(value: int) -> datetime:
    """Return the moment that lies `value` microseconds after the epoch."""
    return EPOCH + timedelta(microseconds=value)


def _share_fields() -> list[str]:
    names = [field.name for field in dataclasses.fields(IncidentSettings)]
    return [name for name in names if name.endswith(("_rate", "_share"))]


def _check(name: str, value: object, is_accepted: bool, accepted: str) -> None:
    if not is_accepted:
        raise ValueError(f"{name}: got {value}, accepted is {accepted}")
