"""Each law is broken on purpose, and the check that guards it must say so.

A mutation is noticed when the check raises AssertionError from a comparison with the oracle; a run
that merely fails doesn't count.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest

from python_tests.laws import (
    check_catch_up,
    check_decisions,
    check_deduplication,
    check_kept_copies_outlast_raw,
    check_ledger,
    check_pieces,
    check_regular_job,
    check_repair,
    check_verdict,
)
from python_tests.laws_of_payloads import check_material_payloads
from python_tests.laws_of_raw import check_concurrent_arrival, check_raw_repair
from python_tests.warehouse import ROOT, DbtError, Project, Warehouse


class Edit(NamedTuple):
    """A text in a file of the project, and what it is replaced by."""

    path: str
    old: str
    new: str


ORDER = "macros/deduplication/survivor_order.sql"
PRECEDES = "macros/deduplication/precedes.sql"
CONTESTED = "macros/deduplication/contested_places.sql"
SAME_PLACE = "macros/deduplication/is_same_place.sql"
MERGE = "macros/deduplication/get_incremental_keep_first_sql.sql"
DEDUPLICATED = "models/staging/stg_events_deduplicated.sql"
COUNTED = "models/staging/stg_events_counted.sql"
STAGED = "models/staging/stg_events.sql"
EVENT_TIMES = "macros/incremental/same_event_times.sql"
ARRIVED = "macros/incremental/arrived_since.sql"
WATERMARK = "macros/incremental/arrival_watermark.sql"
SANE_TIMES = "macros/incremental/has_sane_times.sql"
CHANGED_KEYS = "macros/incremental/changed_keys.sql"
PIECE = "macros/incremental/_piece.sql"
EARLIEST = "macros/curated/earliest_event_of_payments.sql"
GROUPS = "models/incident/incident_duplicate_groups.sql"
DECISIONS = "models/incident/incident_decisions.sql"
VERIFY = "macros/audit/ledger_verify.sql"

STAGING_MUTATIONS: dict[str, list[Edit]] = {
    "no tie-break by row hash": [Edit(ORDER, "{%- do order.append('row_hash asc') -%}", "")],
    "no tie-break by event_id": [
        Edit(ORDER, ".event_id.sql ~ ' asc nulls last'", ".event_id.sql ~ ' is null'")
    ],
    "the last copy stays": [Edit(ORDER, "' asc nulls last'] -%}", "' desc nulls last'] -%}")],
    "an earlier copy doesn't replace a later one": [
        Edit(
            PRECEDES, "{%- set ordered = [columns.arrival_time.sql] -%}", "{%- set ordered = [] -%}"
        )
    ],
    "a smaller event_id doesn't replace a greater one": [
        Edit(PRECEDES, "{%- do ordered.append(columns.event_id.sql) -%}", "")
    ],
    "a smaller row hash doesn't replace a greater one": [
        Edit(PRECEDES, "{%- do ordered.append('row_hash') -%}", "")
    ],
    "NULL doesn't come last in the comparison": [
        Edit(PRECEDES, " ~ ' or (' ~ l ~ ' is not null and ' ~ r ~ ' is null))'", " ~ ')'")
    ],
    "equal times don't count as equal": [
        Edit(PRECEDES, "' is not distinct from '", "' is distinct from '")
    ],
    "an insert instead of a merge": [
        Edit(MERGE, "{{ exactly_once.precedes(columns, 'arrived', 'kept') }} then", "false then")
    ],
    "every copy replaces what is there": [
        Edit(
            MERGE, "matched and {{ exactly_once.precedes(columns, 'arrived', 'kept') }}", "matched"
        ),
        Edit(
            DEDUPLICATED, "or {{ exactly_once.precedes(columns, 'survivors', 'kept') }}", "or true"
        ),
    ],
    "the join is on the payment, not on the event": [
        Edit(
            DEDUPLICATED,
            "row_hash\n    from {{ this }}",
            "row_hash,\n        payment_id\n    from {{ this }}",
        ),
        Edit(
            DEDUPLICATED,
            "left join kept on survivors.event_fingerprint = kept.event_fingerprint",
            "left join kept on survivors.payment_id = kept.payment_id",
        ),
    ],
    "one row per payment, not per event": [
        Edit(CONTESTED, "partition by event_fingerprint", "partition by true")
    ],
    "one row per payment, not per event, where copies tie": [
        Edit(DEDUPLICATED, "partition by event_fingerprint", "partition by event_type")
    ],
    "copies that tie all stay": [Edit(DEDUPLICATED, ") = 1\n", ") >= 1\n")],
    "copies that tie all go": [Edit(DEDUPLICATED, ") = 1\n", ") = 0\n")],
    "a tie in the first place goes unnoticed": [Edit(CONTESTED, " or copy_count > 1", "")],
    "NULLs don't share a place": [Edit(SAME_PLACE, "' is not distinct from '", "' = '")],
    "a tie after the first place counts as first": [
        Edit(DEDUPLICATED, "where contested.place_number = 1", "")
    ],
    "the target is searched among late arrivals only": [
        Edit(
            DEDUPLICATED,
            "where has_complete_key and {{ event_time_ranges }}",
            "where has_complete_key and {{ is_new }}",
        ),
        Edit(
            MERGE,
            "        and {{ is_in_reach }}\n",
            "        and kept.ingest_ts >= timestamp '2026-03-01 12:00:00'\n",
        ),
    ],
    "stragglers are forgotten": [
        Edit(
            EVENT_TIMES,
            "exactly_once._merged_hours(hours,",
            "exactly_once._merged_hours(hours[-3:],",
        )
    ],
    "the last hour is not searched": [
        Edit(EVENT_TIMES, "((last_hour + 1) * 3600000000)", "(last_hour * 3600000000)")
    ],
    "incomplete keys are not searched": [
        Edit(EVENT_TIMES, "~ 'has_complete_key\\n)')", "~ 'has_complete_key and false\\n)')"),
        Edit(DEDUPLICATED, "    where not has_complete_key\n", "    where false\n"),
    ],
    "no lookback": [
        Edit(
            ARRIVED,
            "watermark - modules.datetime.timedelta(hours=settings.late_arrival_hours)",
            "watermark",
        )
    ],
    "events without an arrival time are forgotten": [
        Edit(ARRIVED, "~ ' or ' ~ arrival_time.sql ~ ' is null)'", "~ ')'")
    ],
    "a stamp in the future moves the watermark": [
        Edit(
            SANE_TIMES,
            "run_started_at.replace(tzinfo=none)",
            "run_started_at.replace(tzinfo=none, year=9999)",
        )
    ],
    "an arrival far from its event moves the watermark": [
        Edit(SANE_TIMES, "late_arrival_hours * 3600000000", "late_arrival_hours * 3600000000000")
    ],
    "a single row moves the watermark": [Edit(WATERMARK, "offset 9", "offset 0")],
    "parts of the key run into each other": [
        Edit(
            "macros/fingerprint/encoded_part.sql",
            """_byte_length(text_sql) ~ " as varchar) || ':' || " ~ text_sql""",
            """_byte_length("'x'") ~ " as varchar) || ':' || " ~ text_sql""",
        )
    ],
    "an incomplete key counts as complete": [
        Edit("macros/fingerprint/key_is_complete.sql", "join(' and ')", "join(' or ')")
    ],
    "the row hash leaves columns out": [
        Edit(STAGED, "row_hash(columns.all)", "row_hash(columns.key)")
    ],
}

JOB_MUTATIONS: dict[str, list[Edit]] = {
    "keys of replaced copies are forgotten": [
        Edit(
            CHANGED_KEYS,
            "_arrived_keys(keys, ref('exactly_once', 'stg_events'),",
            "_arrived_keys(keys, exactly_once.curated_events(),",
        )
    ],
    "an hour without events stays": [
        Edit(
            "models/curated/fraud_features.sql",
            "'deleted_when': 'distinct_payments = 0'",
            "'deleted_when': 'false'",
        )
    ],
    "a payment is computed from its new events only": [
        Edit(
            EARLIEST,
            "'select ' ~ exactly_once._least_micros('first_event_at') ~ ' as micros from '",
            "'select cast(null as bigint) as micros from '",
        )
    ],
    "curated tables read every copy": [
        Edit(
            "macros/curated/curated_events.sql",
            "{%- if exactly_once.settings().deduplicate -%}",
            "{%- if false -%}",
        )
    ],
}

DECISION_MUTATIONS: dict[str, list[Edit]] = {
    "an incomplete key is removed": [
        Edit(
            DECISIONS,
            "when not judged.has_complete_key then 'review'\n",
            "\n",
        )
    ],
    "every copy is removed": [
        Edit(
            DECISIONS,
            "when judged.rank_among_equal = 1 then 'keep'\n            else 'remove'",
            "else 'remove'",
        )
    ],
    "no copy outside the window is met": [
        Edit(GROUPS, "        and {{ is_in_reach }}\n", "        and {{ in_scope }}\n")
    ],
    "an event time has to repeat in the scope": [
        Edit(
            GROUPS,
            "where has_complete_key and {{ is_in_reach }}",
            "where has_complete_key and {{ in_scope }}",
        )
    ],
    "the scope is the bare window": [
        Edit("models/incident/incident_scope.sql", "window_end + {{ lookback }}", "window_end")
    ],
    "groups outside the scope are taken too": [
        Edit(GROUPS, " and sum({{ counts_in_scope }}) > 0", ""),
        Edit(GROUPS, " and sum(in_scope_count) > 0", ""),
    ],
}

REPAIR_MUTATIONS: dict[str, list[Edit]] = {
    "the keys of the incident are forgotten": [
        Edit(CHANGED_KEYS, "{%- if exactly_once.settings().build_candidate %}", "{%- if false %}")
    ],
    "the keys of stragglers of the incident are forgotten": [
        Edit(
            CHANGED_KEYS,
            "and {{ exactly_once.same_event_times(duplicate_groups) }}",
            "and event_ts >= timestamp '2026-03-01 10:00:00'",
        )
    ],
}

VERDICT_MUTATIONS: dict[str, list[Edit]] = {
    "copies that a reviewer keeps don't count": [
        Edit("macros/curated/curated_events.sql", "stg_events_counted", "stg_events_deduplicated"),
        Edit(
            "macros/blue_green/remediation_validate.sql",
            "model_relation('stg_events_counted')",
            "model_relation('stg_events_deduplicated')",
        ),
    ],
    "identical copies that a reviewer keeps don't count": [
        Edit(COUNTED, "from others_of_tied", "from others_of_tied where false")
    ],
    "later copies that a reviewer keeps don't count": [
        Edit(COUNTED, "from elsewhere", "from elsewhere where false")
    ],
}

OUTLASTING_MUTATIONS: dict[str, list[Edit]] = {
    "what raw has lost doesn't count": [
        Edit(COUNTED, "taken_from_raw.event_fingerprint is null", "false")
    ],
    "what is stored counts beside what raw holds": [
        Edit(COUNTED, "taken_from_raw.event_fingerprint is null", "true"),
    ],
    "a copy that came later is not stored": [
        Edit(
            "models/staging/stg_events_kept.sql",
            "inner join taken_from_raw on",
            "inner join taken_from_raw on taken_from_raw.event_fingerprint not in "
            "(select stored.event_fingerprint from stored) and",
        )
    ],
}

REVIEW_MUTATIONS: dict[str, list[Edit]] = {
    "every verdict counts as keep": [
        Edit("macros/incident/_copies_kept_whole.sql", "decision = 'keep' and ", ""),
        Edit("macros/incident/kept_event_times.sql", "decision = 'keep' and ", ""),
    ],
}

CATCH_UP_MUTATIONS: dict[str, list[Edit]] = {
    "the swap passes over checks that failed": [
        Edit(
            "macros/blue_green/remediation_validate.sql",
            "{%- if failed -%}",
            "{%- if false -%}",
        )
    ],
}

LEDGER_MUTATIONS: dict[str, list[Edit]] = {
    "the hash of an entry leaves a column out": [
        Edit(
            "macros/audit/_ledger.sql",
            "if name != 'entry_hash' -%}",
            "if name not in ('entry_hash', 'actor') -%}",
        )
    ],
    "the hash before isn't compared": [
        Edit(VERIFY, "{%- elif entry.previous_hash != before.hash -%}", "{%- elif false -%}")
    ],
    "the audit isn't compared": [
        Edit(
            VERIFY,
            "{%- elif exactly_once._evidence_digest(name, incident_id) != last.digest -%}",
            "{%- elif false -%}",
        )
    ],
}

QUARANTINE = "macros/raw/raw_quarantine.sql"
RAW_MUTATIONS: dict[str, list[Edit]] = {
    "a late copy takes the number of one in quarantine": [
        Edit("macros/raw/quarantined_copies.sql", "{{- return(copies) -}}", "{{- return(none) -}}")
    ],
}
ARRIVAL_MUTATIONS: dict[str, list[Edit]] = {
    "a row that arrives before the delete is deleted unseen": [
        Edit(QUARANTINE, "{%- if deleted == found and going == slice.copies -%}", "{%- if true -%}")
    ],
}

PAYLOAD_MUTATIONS: dict[str, list[Edit]] = {
    "a material payload is removed": [
        Edit(DECISIONS, "judged.verdict = 'review' or judged.is_uncompared", "false")
    ],
    "copies of which it is unclear whose they are are kept as events": [
        Edit(
            "models/incident/incident_payload_variance.py",
            'verdict = ("review", "identity_unclear")',
            "pass",
        )
    ],
    "an event that only its payload tells apart is removed": [
        Edit(
            DECISIONS,
            "partition by event_fingerprint, canonical_payload",
            "partition by event_fingerprint",
        )
    ],
    "a copy of an event that only its payload tells apart stays": [
        Edit(DECISIONS, "judged.rank_among_equal = 1 then 'keep'", "true then 'keep'")
    ],
    "an event whose payloads differ is not repaired": [
        Edit("macros/incident/is_repaired.sql", "'material_payload', ", "")
    ],
    "copies that only the payload tells apart all count": [
        Edit(
            "macros/blue_green/remediation_validate.sql",
            "(decision = 'keep' and reason <> 'distinct_payload')",
            "decision = 'keep'",
        )
    ],
}

PIECE_MUTATIONS: dict[str, list[Edit]] = {
    "a mark is ahead of the piece": [
        Edit(
            "macros/incremental/record_watermark.sql",
            "else taken_in or exactly_once.arrival_watermark(events)",
            "else run_started_at.replace(tzinfo=none) or exactly_once.arrival_watermark(events)",
        )
    ],
    "a piece is noted that was not taken in": [
        Edit(
            PIECE,
            "'note': {'before': end, 'is_last': false}",
            "'note': {'before': exactly_once.shifted_time(end, 3 * hours), 'is_last': false}",
        )
    ],
}

CHECKS: list[tuple[Callable[[Warehouse], None], dict[str, list[Edit]]]] = [
    (check_deduplication, STAGING_MUTATIONS),
    (check_regular_job, JOB_MUTATIONS),
    (check_pieces, PIECE_MUTATIONS),
    (check_decisions, DECISION_MUTATIONS),
    (check_repair, REPAIR_MUTATIONS),
    (check_verdict, VERDICT_MUTATIONS),
    (check_kept_copies_outlast_raw, OUTLASTING_MUTATIONS),
    (partial(check_verdict, decision="review"), REVIEW_MUTATIONS),
    (check_material_payloads, PAYLOAD_MUTATIONS),
    (check_catch_up, CATCH_UP_MUTATIONS),
    (check_ledger, LEDGER_MUTATIONS),
    (check_raw_repair, RAW_MUTATIONS),
    (check_concurrent_arrival, ARRIVAL_MUTATIONS),
]


def mutated(text: str, edit: Edit) -> str:
    """The text of a file with an edit made."""
    assert edit.old in text, f"{edit.path} no longer holds {edit.old!r}: change this mutation"
    return text.replace(edit.old, edit.new)


def test_every_mutation_still_changes_its_file() -> None:
    for _, mutations in CHECKS:
        for edit in chain(*mutations.values()):
            text = (ROOT / edit.path).read_text("utf-8")
            assert mutated(text, edit) != text


@pytest.mark.mutation
@pytest.mark.soak
@pytest.mark.parametrize(
    ("check", "edits"),
    [
        pytest.param(check, edits, id=name)
        for check, mutations in CHECKS
        for name, edits in mutations.items()
    ],
)
def test_a_broken_law_is_noticed(
    check: Callable[[Warehouse], None], edits: list[Edit], tmp_path: Path
) -> None:
    project = Project.copy(tmp_path / "broken")
    for edit in edits:
        file = project.folder / edit.path
        file.write_text(mutated(file.read_text("utf-8"), edit), encoding="utf-8")
    with pytest.raises(AssertionError) as noticed:
        check(Warehouse(project, tmp_path / "warehouse"))
    assert not isinstance(noticed.value, DbtError), noticed.value
