{% macro remediation_retire(incident_id, dry_run=false) %}
    {#-
        Run-operation. Ends a remediation for good: drops the tables that its swap replaced, or those that its rollback
        withdrew. After it there is no way back. The ledger keeps their digests. Only for an incident that
        incident_register shows as approved. Run again, it finishes what is left, or does nothing.
    -#}
    {%- do exactly_once._begin_verb('remediation_retire', incident_id) -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- do exactly_once._check_unfinished(tables, incident_id, 'remediation_retire') -%}
    {%- set place = {'swapped': 'replaced', 'rolled_back': 'withdrawn'}.get(
        exactly_once._remediation_state(tables, incident_id)
    ) -%}
    {%- set last = exactly_once._last_entry('remediation_retire', incident_id) -%}
    {%- if place is none and last is not none -%}
        {%- if last.phase == 'begun' and not dry_run -%}{%- do exactly_once._end_step('remediation_retire', incident_id) -%}{%- endif -%}
        {%- do log('Incident ' ~ incident_id ~ ' is retired already; nothing to do.', info=true) -%}
        {{- return(none) -}}
    {%- elif place is none -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'no tables that are kept for it', 'an incident that has been swapped or rolled back',
            'There is nothing to retire. What is next: ' ~ exactly_once._verb_command('remediation_status', incident_id)
        ) -%}
    {%- endif -%}
    {%- if place == 'replaced' -%}
        {%- do exactly_once._check_live_is_as_checked(incident_id) -%}
        {%- do exactly_once._check_first_swap(tables, incident_id) -%}
    {%- else -%}
        {%- do exactly_once._check_read_again_after_rollback(tables, incident_id) -%}
    {%- endif -%}
    {%- set approval = exactly_once._check_registered(incident_id) -%}
    {#- an earlier rollback of the same incident may have left its own; a model that became a curated one since has none -#}
    {%- set kept = {} -%}
    {%- for one in ((place, 'withdrawn') if place == 'replaced' else (place,)) -%}
        {%- set there = [] -%}
        {%- for table in tables if exactly_once._is_there(table[one]) -%}{%- do there.append(table) -%}{%- endfor -%}
        {%- if there or one == place -%}{%- do kept.update({one: there}) -%}{%- endif -%}
    {%- endfor -%}
    {%- for one, there in kept.items() -%}{%- do exactly_once._check_curated_only(there or tables, one) -%}{%- endfor -%}
    {%- do exactly_once._announce('Retiring what is kept of', kept[place], incident_id, dry_run) -%}
    {%- if not dry_run -%}
        {%- set rows = {} -%}
        {%- for one, there in kept.items() -%}{%- do rows.update({one: exactly_once._row_counts(there, one)}) -%}{%- endfor -%}
        {%- do exactly_once._begin_step(
            'remediation_retire', incident_id, dict(approval, rows=rows), exactly_once._digests_of(kept[place], place)
        ) -%}
        {#- the tables that tell the state are dropped last -#}
        {%- for one in kept.keys() | list | reverse -%}
            {%- do adapter.dispatch('_drop_tables', 'exactly_once')(kept[one] or tables, one) -%}
        {%- endfor -%}
        {%- do exactly_once._end_step('remediation_retire', incident_id) -%}
    {%- endif -%}
    {%- for one, there in kept.items() -%}
        {%- for table in there -%}
        {%- do log('  ' ~ table[one] ~ (' would be' if dry_run else ' is') ~ ' dropped', info=true) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do exactly_once._say_next(exactly_once._verb_command('remediation_status', incident_id), dry_run) -%}
{% endmacro %}


{% macro _check_first_swap(tables, incident_id) %}
    {#- Without this swap's own copy a rollback of an earlier one would undo this one too, without saying so. -#}
    {%- set swaps = exactly_once._kept_swaps(tables) -%}
    {%- for other, cloned_at in swaps.items() if cloned_at < swaps[incident_id] -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'an earlier swap that can still be rolled back, for incident ' ~ other,
            'the earliest swap', 'Retire that one first: ' ~ exactly_once._verb_command('remediation_retire', other)
        ) -%}
    {%- endfor -%}
{% endmacro %}


{% macro default___drop_tables(tables, place) %}
    {%- do exactly_once._refuse_engine('remediation_retire') -%}
{% endmacro %}


{% macro duckdb___drop_tables(tables, place) %}
    {%- set statements = [] -%}
    {%- for table in tables -%}
        {%- do statements.append('drop table if exists ' ~ table[place]) -%}
        {%- do statements.extend(exactly_once._forgotten(table[place])) -%}
    {%- endfor -%}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}


{% macro snowflake___drop_tables(tables, place) %}
    {%- do run_query('drop schema ' ~ tables[0][place].include(identifier=false)) -%}
{% endmacro %}
