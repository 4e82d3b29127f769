{% macro remediation_status(incident_id, dry_run=false) %}
    {#-
        Run-operation. Says in plain words at which step the remediation of an incident is, as the warehouse shows it,
        what is next, and the exact command. Nothing is written, so that dry_run makes no difference.
    -#}
    {%- do exactly_once._begin_verb('remediation_status', incident_id) -%}
    {%- set steps = exactly_once._remediation_steps(incident_id) -%}
    {%- do log('Incident ' ~ incident_id, info=true) -%}
    {%- set next = exactly_once._next_step(incident_id, steps) -%}
    {%- for step in steps -%}
        {%- set mark = 'done' if step.is_done else ('next' if step == next else '-') -%}
        {%- do log('  ' ~ mark.ljust(5) ~ step.name.ljust(13) ~ step.found, info=true) -%}
    {%- endfor -%}
    {%- do exactly_once._say_next_step(next) -%}
    {{- return(next.name if next else none) -}}
{% endmacro %}


{% macro _remediation_steps(incident_id) %}
    {#- The steps in their order: [{name, is_done, found, command}]. A rollback leads back to the clone. -#}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- set state = exactly_once._remediation_state(tables, incident_id) -%}
    {#- before the first detection there is no ledger -#}
    {%- set has_ledger = exactly_once._is_there(exactly_once.model_relation('remediation_ledger')) -%}
    {%- set retirement = exactly_once._last_retirement(incident_id) if has_ledger else none -%}
    {#- one that died before its end has dropped what tells the state, and is to be ended all the same -#}
    {%- set is_retired = retirement == 'ended' or (retirement == 'begun' and state == 'none') -%}
    {%- set is_swapped = state == 'swapped'
        or (is_retired and state == 'none' and exactly_once._is_swap_on_record(incident_id)) -%}
    {%- set decided = exactly_once.decided_incident()
        if exactly_once._is_there(exactly_once.model_relation('incident_decisions')) else none -%}
    {%- set problem = exactly_once._decisions_problem(incident_id) if decided == incident_id else none -%}
    {%- set is_decided = decided == incident_id and not problem -%}
    {%- set steps = [] -%}
    {%- do steps.append({
        'name': 'decided', 'is_done': is_decided or (is_swapped and not problem),
        'command': problem.command if problem else exactly_once._detection_command(incident_id),
        'found': exactly_once._decided_text(incident_id) if is_decided
            else problem.found if problem else 'incident_decisions holds ' ~ ('incident ' ~ decided if decided else 'no incident')
    }) -%}
    {%- set approval = exactly_once._approval_text(incident_id, is_decided) -%}
    {%- do steps.append({
        'name': 'approved', 'is_done': approval.is_approved, 'found': approval.found,
        'once': 'seeds/incident_register.csv is reviewed and merged', 'command': 'dbt seed --select incident_register'
    }) -%}
    {%- set is_cloned = is_swapped
        or state in ('cloned', 'claimed', 'swapping', 'rollback_claimed', 'rolling_back') -%}
    {%- set raw = exactly_once._copies_left_in_raw(incident_id) if is_decided else none -%}
    {%- set may_have_had_none = state == 'none' and not is_cloned and raw
        and exactly_once._guard_of_last_run() is not sameas false
        and exactly_once._found_in_curated(incident_id).different == []
        and not exactly_once._events_kept_by_verdict(incident_id) -%}
    {%- set lacking_from = exactly_once._lacking_since_rollback(tables, incident_id)
        if state == 'rolled_back' and has_ledger else none -%}
    {%- do steps.append({
        'name': 'cloned', 'is_done': is_cloned,
        'command': exactly_once._verb_command('remediation_clone', incident_id) if lacking_from is none
            else exactly_once._regular_job_after_rollback(tables, incident_id),
        'found': 'rolled back; live lacks what the repaired tables had read again, from ' ~ lacking_from ~ ' (UTC) on'
            if lacking_from is not none else {
            'rolled_back': 'rolled back; live is what the swap replaced',
            'none': 'no candidates' ~ (
                '; detection found captured and authorized amounts right: if the guard was on all along, go on with raw_quarantine'
                if may_have_had_none else ''
            ),
            'cloned': 'candidates beside live'
        }.get(state, 'candidates made')
    }) -%}
    {%- set waiting = [] -%}
    {%- if state == 'cloned' -%}
        {%- for table in tables if exactly_once._recorded(table.candidate, 'repaired_for') != incident_id -%}
            {%- do waiting.append(table.name) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set build = exactly_once._last_build_ended(incident_id) if state == 'cloned' and not waiting else {'passed': true} -%}
    {%- set is_repaired = is_cloned and not waiting and build.passed -%}
    {%- do steps.append({
        'name': 'repaired', 'is_done': is_repaired, 'command': exactly_once._build_command(incident_id),
        'found': 'candidates built' if is_repaired else ('the last build: ' ~ build.found if not build.passed
            else (waiting | join(', ') ~ ' not yet' if waiting else 'not yet'))
    }) -%}
    {%- set unchecked = exactly_once._unlike_what_was_checked(incident_id) if state == 'swapped' and has_ledger else [] -%}
    {%- set overwritten = (exactly_once._last_entry('remediation_swap', incident_id) or {'arguments': {}})
        .arguments.get('overwritten_before_compared', []) if state == 'swapped' and has_ledger else [] -%}
    {%- set is_unverified = state == 'swapped' and has_ledger and not exactly_once._is_swap_verified(incident_id) -%}
    {%- set is_going_back = state in ('rollback_claimed', 'rolling_back')
        or (state == 'rolled_back' and has_ledger and not exactly_once._has_rollback_ended(incident_id)) -%}
    {%- set has_other_verdicts = is_swapped and has_ledger and is_decided and not unchecked and not is_unverified
        and exactly_once._has_other_verdicts_than_swap(incident_id) -%}
    {%- do steps.append({
        'name': 'swapped', 'is_done': is_swapped and not unchecked and not is_unverified and not has_other_verdicts,
        'is_half_done': state in ('claimed', 'swapping') or is_going_back or is_unverified,
        'command': exactly_once._repair_again_command(incident_id) if has_other_verdicts else exactly_once._verb_command(
            'remediation_rollback' if unchecked or is_going_back else 'remediation_swap', incident_id
        ),
        'found': 'live is repaired, but verdicts to keep copies came or went since the swap' if has_other_verdicts else {
            'swapped': 'live is repaired; its rows were not compared yet with those that were checked' if is_unverified
                else 'live has rows of ' ~ unchecked | join(', ') ~ ' that nobody checked' if unchecked
                else 'live is repaired; the old tables are kept for a rollback' ~ (
                    '; a run wrote to ' ~ overwritten | join(', ') ~ ' before it was compared with what was checked'
                    if overwritten else ''
                ),
            'claimed': 'a swap stopped before its last step; live is untouched',
            'swapping': 'a swap stopped half way; live is repaired already',
            'rollback_claimed': 'a rollback stopped before its last step; live is repaired',
            'rolling_back': 'a rollback stopped half way; live is what the swap replaced already',
            'rolled_back': 'a rollback moved the tables and stopped before its end' if is_going_back else 'not yet'
        }.get(state, 'live is repaired' if is_swapped else 'not yet')
    }) -%}
    {%- set late = exactly_once._late_copies(incident_id) if raw is not none and has_ledger else 0 -%}
    {%- set is_possible = exactly_once._is_beside_quarantine() -%}
    {%- set last = exactly_once._last_raw_step(incident_id) if has_ledger else {} -%}
    {%- set left_out = exactly_once._left_in_quarantine_by_rollback(incident_id) if state == 'rolled_back' and has_ledger else 0 -%}
    {%- set is_half_moved = last.phase == 'begun' or left_out > 0 -%}
    {%- set was_quarantined = raw is none and last.step == 'raw_quarantine' and last.phase == 'ended' -%}
    {%- set left = left_out ~ ' copies are out of the source, which live counts again' if left_out
        else last.step ~ ' stopped half way' if is_half_moved
        else raw ~ ' copies to take out of the source' ~ (
            ', and ' ~ late ~ ' that came since the detection' if late else ''
        ) if raw is not none
        else 'the copies are out of the source' if was_quarantined
        else 'decided for another incident now' if decided and not problem else 'not yet' -%}
    {%- do steps.append({
        'name': 'quarantined',
        'is_half_done': is_half_moved,
        'is_done': not is_half_moved and (
            (raw == 0 and not late) or was_quarantined or (is_retired and raw is none) or (is_swapped and not is_possible)
        ),
        'command': exactly_once._detection_command(incident_id) if late and raw == 0 and not is_half_moved
            else exactly_once._verb_command(
                'raw_restore' if left_out else last.step if is_half_moved else 'raw_quarantine', incident_id
            ),
        'found': left if is_possible else 'not by raw_quarantine: the source is in another database'
    }) -%}
    {%- do steps.append({
        'name': 'retired', 'is_done': retirement == 'ended' and state == 'none', 'is_half_done': retirement == 'begun',
        'once': 'nobody will go back' if state != 'none', 'command': exactly_once._verb_command('remediation_retire', incident_id),
        'found': 'stopped half way' if retirement == 'begun'
            else 'the old tables are dropped' if is_retired and state == 'none' else 'not yet'
    }) -%}
    {{- return(steps) -}}
{% endmacro %}


{% macro _last_retirement(incident_id) %}
    {#- The phase of the last retire of an incident that no swap or rollback has followed, or none. -#}
    {%- set last = exactly_once._last_entry('remediation_retire', incident_id) -%}
    {%- for step in ('remediation_swap', 'remediation_rollback') if last is not none -%}
        {%- if (exactly_once._last_entry(step, incident_id) or last).entry_number > last.entry_number -%}{{- return(none) -}}{%- endif -%}
    {%- endfor -%}
    {{- return(last.phase if last is not none else none) -}}
{% endmacro %}


{% macro _is_swap_on_record(incident_id) %}
    {#- Whether the ledger has a swap of an incident that no rollback has followed. -#}
    {%- set swap = exactly_once._last_entry('remediation_swap', incident_id, 'ended') or {'entry_number': 0} -%}
    {%- set rollback = exactly_once._last_entry('remediation_rollback', incident_id, 'ended') or {'entry_number': 0} -%}
    {{- return(swap.entry_number > rollback.entry_number) -}}
{% endmacro %}


{% macro _kept_by_verdict(incident_id) %}
    {#- A digest of the decided events all of whose copies are in the curated tables, since a reviewer said so. -#}
    {{- return(local_md5(exactly_once._events_kept_by_verdict(incident_id) | join(' '))) -}}
{% endmacro %}


{% macro _events_kept_by_verdict(incident_id) %}
    {{- return(run_query(
        'select distinct event_fingerprint from ' ~ exactly_once.model_relation('incident_decisions')
        ~ ' where incident_id = ' ~ exactly_once.text_literal(incident_id)
        ~ " and decision = 'keep' and reason = 'override' and "
        ~ exactly_once.key_is_complete(exactly_once.source_columns()) ~ ' order by event_fingerprint'
    ).columns[0].values() | list) -}}
{% endmacro %}


{% macro _has_other_verdicts_than_swap(incident_id) %}
    {#- Whether live counts events otherwise than the decisions in force say, for all that the swap put on record. -#}
    {%- set swap = exactly_once._last_entry('remediation_swap', incident_id, 'begun') or {'arguments': {}} -%}
    {{- return(
        swap.arguments.get('kept_by_verdict') is not none
        and swap.arguments.kept_by_verdict != exactly_once._kept_by_verdict(incident_id)
    ) -}}
{% endmacro %}


{% macro _repair_again_command(incident_id) %}
    {#- An incident is swapped once: what is decided otherwise later is a repair of its own, of the same window. -#}
    {%- for number in range(2, 100) if exactly_once._last_entry('remediation_swap', incident_id ~ '-' ~ number) is none -%}
        {{- return(exactly_once._detection_command(incident_id ~ '-' ~ number, window_of=incident_id)) -}}
    {%- endfor -%}
{% endmacro %}


{% macro _last_raw_step(incident_id) %}
    {#- The last of raw_quarantine and raw_restore in the ledger since a rollback, which begins anew, as {step, phase}. -#}
    {%- set rollback = exactly_once._last_entry('remediation_rollback', incident_id, 'ended') or {'entry_number': 0} -%}
    {%- set entries = {} -%}
    {%- for step in ('raw_quarantine', 'raw_restore') -%}
        {%- set entry = exactly_once._last_entry(step, incident_id) or {'entry_number': 0} -%}
        {#- one that put copies back has still to be compared -#}
        {%- if entry.entry_number > rollback.entry_number or (step == 'raw_restore' and entry.phase == 'begun') -%}
            {%- do entries.update({entry.entry_number: {'step': step, 'phase': entry.phase}}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(entries[entries | max] if entries else {}) -}}
{% endmacro %}


{% macro _say_next_step(next) %}
    {%- set when = ', once ' ~ next.once if next and next.once else '' -%}
    {%- do log('Next' ~ when ~ ': ' ~ next.command if next else 'Nothing is left to do.', info=true) -%}
{% endmacro %}


{% macro _next_step(incident_id, steps) %}
    {#-
        What another incident's step waits for; else what has stopped half way, whatever else is open; else the first that is
        not done, or none.
    -#}
    {%- set open = exactly_once._unfinished(exactly_once.curated_relations(incident_id)) -%}
    {%- if open is not none and open.incident_id != incident_id -%}
        {%- do log('  first an unfinished ' ~ open.verb ~ ' for incident ' ~ open.incident_id, info=true) -%}
        {{- return({'name': 'another incident', 'command': exactly_once._verb_command(open.verb, open.incident_id)}) -}}
    {%- endif -%}
    {{- return(
        steps | selectattr('is_half_done', 'defined') | selectattr('is_half_done') | first
        | default(steps | rejectattr('is_done') | first | default(none), true)
    ) -}}
{% endmacro %}


{% macro _decided_text(incident_id) %}
    {%- set window = run_query(
        'select window_source, ' ~ exactly_once.epoch_micros('window_start') ~ ' as start_micros, '
        ~ exactly_once.epoch_micros('window_end') ~ ' as end_micros from ' ~ exactly_once.model_relation('incident_scope')
    ).rows[0] -%}
    {%- set counts = exactly_once._decision_counts(incident_id) -%}
    {{- return(
        window[0] ~ ' window ' ~ exactly_once.time_from_micros(window[1]) ~ ' to ' ~ exactly_once.time_from_micros(window[2])
        ~ ' (UTC); copies: ' ~ counts.get('remove', 0) ~ ' remove, ' ~ counts.get('keep', 0) ~ ' keep, '
        ~ counts.get('review', 0) ~ ' review'
    ) -}}
{% endmacro %}


{% macro _approval_text(incident_id, is_decided) %}
    {#- By the same rules as the verbs that need an approval. -#}
    {%- set registered = exactly_once._registration(incident_id) -%}
    {%- if registered.problem -%}
        {{- return({'is_approved': false, 'found': 'incident_register: ' ~ registered.problem}) -}}
    {%- endif -%}
    {%- set window = exactly_once._window_problem(incident_id) if is_decided else none -%}
    {%- if window -%}{{- return({'is_approved': false, 'found': window.found ~ ', not ' ~ window.accepted}) -}}{%- endif -%}
    {%- set approval = registered.approval -%}
    {{- return({
        'is_approved': true,
        'found': 'by ' ~ approval.approved_by ~ ', asked for by ' ~ approval.requested_by ~ ', ' ~ approval.ticket
    }) -}}
{% endmacro %}


{% macro _copies_left_in_raw(incident_id) %}
    {#- How many decided copies have not gone to quarantine; none before quarantined_events is made. -#}
    {%- set quarantine = exactly_once.model_relation('quarantined_events') -%}
    {%- if not exactly_once._is_there(quarantine) -%}{{- return(none) -}}{%- endif -%}
    {{- return(run_query(
        'select count(*) from ' ~ exactly_once.model_relation('incident_decisions') ~ " as decisions where decision = 'remove'"
        ~ ' and not exists (select 1 from ' ~ quarantine ~ ' as quarantined where quarantined.incident_id = decisions.incident_id'
        ~ ' and quarantined.row_hash = decisions.row_hash and quarantined.copy_number = decisions.copy_number'
        ~ ' and quarantined.restored_at is null)'
    ).rows[0][0] | int) -}}
{% endmacro %}


{% macro _late_copies(incident_id) %}
    {#- How many copies of decided events have come since the last detection: none of the decisions is on them. -#}
    {%- set detected = (exactly_once._last_entry('detection', incident_id, 'ended') or {'arguments': {}}).arguments -%}
    {%- if not detected.arrived_until -%}{{- return(0) -}}{%- endif -%}
    {%- set known = [exactly_once.model_relation('incident_decisions')] -%}
    {%- set quarantine = exactly_once.model_relation('quarantined_events') -%}
    {%- if exactly_once._is_there(quarantine) -%}{%- do known.append(quarantine) -%}{%- endif -%}
    {%- set is_new = [exactly_once.arrived_since(exactly_once._parsed_time('arrived_until', detected.arrived_until))] -%}
    {%- set is_decided = [] -%}
    {%- for relation in known -%}
        {%- set of_incident = ' from ' ~ relation ~ ' where incident_id = ' ~ exactly_once.text_literal(incident_id) -%}
        {%- do is_decided.append('select event_fingerprint' ~ of_incident) -%}
        {#- also what stays, of events whose other copies went: the decisions no longer hold it -#}
        {%- for hash in ('row_hash', 'survivor_row_hash') -%}
            {%- do is_new.append('row_hash not in (select ' ~ hash ~ of_incident ~ ')') -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(run_query(
        'select count(*) from ' ~ exactly_once.model_relation('stg_events') ~ ' where ' ~ is_new | join(' and ')
        ~ ' and event_fingerprint in (' ~ is_decided | join(' union ') ~ ')'
    ).rows[0][0] | int) -}}
{% endmacro %}
