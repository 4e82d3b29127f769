{% macro remediation_swap(incident_id, dry_run=false) %}
    {#-
        Run-operation. Validates the candidates once more and makes them live in one step, whose time doesn't grow
        with the data: on Snowflake one swap of two schemas, on DuckDB one transaction of renames. The old tables
        are kept, in <schema>__replaced_<incident> or as <table>__replaced_<incident>. Then live is read, and is to be
        what was checked. Only for an incident that incident_register shows as approved. Run again, it finishes what
        is left, or does nothing.
    -#}
    {%- do exactly_once._begin_verb('remediation_swap', incident_id) -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- do exactly_once._check_unfinished(tables, incident_id, 'remediation_swap') -%}
    {%- set state = exactly_once._remediation_state(tables, incident_id) -%}
    {%- if state == 'claimed' and not dry_run -%}
        {%- set state = exactly_once._take_claim_back(tables, incident_id, 'candidate') -%}
    {%- endif -%}
    {%- if state == 'swapped' -%}
        {%- if not dry_run -%}{%- do exactly_once._end_swap(tables, incident_id) -%}{%- endif -%}
        {%- do exactly_once._check_live_is_as_checked(incident_id) -%}
        {%- do log('Incident ' ~ incident_id ~ ' is swapped already; nothing to do.', info=true) -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- if dry_run and state in ('claimed', 'swapping') -%}
        {%- do log('Dry run, nothing is written: the swap for incident ' ~ incident_id ~ ' stopped half way', info=true) -%}
        {%- do exactly_once._say_next('', dry_run) -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- if state == 'swapping' -%}
        {%- do log('The swap for incident ' ~ incident_id ~ ' stopped half way; finishing it', info=true) -%}
    {%- else -%}
        {%- do exactly_once._check_incident(incident_id) -%}
        {%- set approval = exactly_once._check_approved(incident_id) -%}
        {%- do exactly_once._ledger() -%}
        {%- do exactly_once._check_curated_only(tables) -%}
        {%- set cloned_at = (exactly_once.candidate_marker(tables[0].candidate) or {}).cloned_at -%}
        {%- set runs = exactly_once._last_runs(tables) -%}
        {%- set last_runs = exactly_once._names_of_last_runs(tables, 'live') -%}
        {%- set checked = exactly_once._what_is_checked(tables, incident_id) -%}
        {%- set kept_by_verdict = exactly_once._kept_by_verdict(incident_id) -%}
        {%- set validated = exactly_once._validated(incident_id) -%}
        {%- do exactly_once._announce('Swapping', tables, incident_id, dry_run) -%}
        {%- if dry_run -%}
            {%- for table in tables -%}
                {%- do log('  ' ~ table.candidate ~ ' would become ' ~ table.live, info=true) -%}
            {%- endfor -%}
            {%- do exactly_once._say_next('', dry_run) -%}
            {{- return(none) -}}
        {%- endif -%}
        {%- do exactly_once._begin_step('remediation_swap', incident_id, dict(
            approval, kept_by_verdict=kept_by_verdict, last_runs=last_runs,
            checked={'digests': validated.candidate, 'last_runs': checked.last_runs}, checks=validated.checks
        ), validated.live) -%}
        {#- last, since others work while the checks run -#}
        {%- if exactly_once._remediation_state(tables, incident_id) != 'cloned' -%}
            {%- do exactly_once._refuse_crossed(incident_id, 'a step of another session since the checks; live is untouched by this one') -%}
        {%- endif -%}
        {%- do exactly_once._check_curated_only(tables) -%}
        {%- if exactly_once._swaps_schemas() -%}{%- do exactly_once._check_views_are_kept(tables, 'candidate') -%}{%- endif -%}
        {%- do exactly_once._check_not_overtaken(tables, incident_id, runs) -%}
        {%- do exactly_once._check_not_changed_since(checked, tables, incident_id) -%}
        {%- do adapter.dispatch('_swap_tables', 'exactly_once')(tables, incident_id, runs, cloned_at) -%}
    {%- endif -%}
    {%- do adapter.dispatch('_finish_swap', 'exactly_once')(tables, incident_id) -%}
    {%- do exactly_once._end_swap(tables, incident_id) -%}
    {%- do exactly_once._check_live_is_as_checked(incident_id) -%}
    {%- for table in tables -%}
        {%- do log('  ' ~ table.live ~ ' is repaired; the old table is kept as ' ~ table.replaced, info=true) -%}
    {%- endfor -%}
    {%- do exactly_once._say_next(exactly_once._verb_command('raw_quarantine', incident_id)) -%}
{% endmacro %}


{% macro _end_swap(tables, incident_id) %}
    {#-
        Writes the end of a swap, with the digests of live itself, and says how they stand to those of the checks: who
        may write to the candidates can do so until the last moment. Not where it is written already.
    -#}
    {%- if not exactly_once._is_swap_verified(incident_id) -%}
        {%- set begun = exactly_once._last_entry('remediation_swap', incident_id, 'begun') or {'arguments': {}} -%}
        {%- set checked = begun.arguments.get('checked', {}) -%}
        {%- set digests = exactly_once._digests_of(tables, 'live') -%}
        {%- set compared = exactly_once._compared(tables, 'live', digests, checked) -%}
        {%- set found = {} -%}
        {%- for argument, standing in (('unlike_what_was_checked', 'changed'), ('overwritten_before_compared', 'written')) -%}
            {%- set names = exactly_once._standing_so(compared, standing) -%}
            {%- if names -%}{%- do found.update({argument: names}) -%}{%- endif -%}
        {%- endfor -%}
        {%- do exactly_once._end_step(
            'remediation_swap', incident_id, exactly_once._row_counts(tables, 'live'), digests, found
        ) -%}
        {%- do exactly_once._say_compared(compared, digests, checked, 'the candidate that was checked') -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_live_is_as_checked(incident_id) %}
    {%- set changed = exactly_once._unlike_what_was_checked(incident_id) -%}
    {%- if changed -%}
        {%- do exactly_once._refuse(
            'live after the swap for incident ' ~ incident_id,
            'rows of ' ~ changed | join(', ') ~ ' that nobody checked, and that no run wrote', 'the rows that were checked',
            'The swap is done, and readers see them. Go back: '
            ~ exactly_once._verb_command('remediation_rollback', incident_id)
            ~ '; and look who wrote to the candidates. The ledger has the digests of both.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _is_swap_verified(incident_id) %}
    {#- Whether the last swap came to its end, at which live is read and compared. -#}
    {{- return((exactly_once._last_entry('remediation_swap', incident_id) or {}).get('phase') == 'ended') -}}
{% endmacro %}


{% macro _unlike_what_was_checked(incident_id) %}
    {#- As the end of the swap has it, so that a command that died before it said so says it when it is run again. -#}
    {%- set end = exactly_once._last_entry('remediation_swap', incident_id, 'ended') or {'arguments': {}} -%}
    {{- return(end.arguments.get('unlike_what_was_checked', [])) -}}
{% endmacro %}


{% macro _names_of_last_runs(tables, place) %}
    {#- {name: the run that last wrote rows to the table}: tells rows of a run from those of somebody else. -#}
    {%- set runs = {} -%}
    {%- for table in tables -%}
        {%- do runs.update({table.name: exactly_once._recorded(table[place], 'last_run')}) -%}
    {%- endfor -%}
    {{- return(runs) -}}
{% endmacro %}


{% macro _compared(tables, place, digests, known) %}
    {#-
        How each table stands to what the ledger knows of it, {digests, last_runs}: equal, unknown, written by a run since,
        or changed by none.
    -#}
    {%- set known_digests, last_runs = known.get('digests', {}), known.get('last_runs', {}) -%}
    {%- set compared = {} -%}
    {%- for table in tables -%}
        {%- if table.name not in known_digests -%}{%- set standing = 'unknown' -%}
        {%- elif known_digests[table.name] == digests[table.name] -%}{%- set standing = 'equal' -%}
        {%- elif exactly_once._recorded(table[place], 'last_run') != last_runs.get(table.name) -%}{%- set standing = 'written' -%}
        {%- else -%}{%- set standing = 'changed' -%}
        {%- endif -%}
        {%- do compared.update({table.name: standing}) -%}
    {%- endfor -%}
    {{- return(compared) -}}
{% endmacro %}


{% macro _changed_by_no_run(compared) %}
    {{- return(exactly_once._standing_so(compared, 'changed')) -}}
{% endmacro %}


{% macro _standing_so(compared, standing) %}
    {%- set names = [] -%}
    {%- for name, found in compared.items() if found == standing -%}{%- do names.append(name) -%}{%- endfor -%}
    {{- return(names) -}}
{% endmacro %}


{% macro _say_compared(compared, digests, known, which) %}
    {%- for name, standing in compared.items() -%}
        {%- set digest, before = digests[name], known.get('digests', {}).get(name) -%}
        {%- do log('  ' ~ name ~ ': ' ~ {
            'unknown': 'digest ' ~ digest ~ '; the ledger has none of ' ~ which,
            'equal': 'equal to ' ~ which ~ ', digest ' ~ digest,
            'written': 'digest ' ~ digest ~ ', of ' ~ which ~ ' ' ~ before ~ ': a run wrote to it in between',
            'changed': 'digest ' ~ digest ~ ', of ' ~ which ~ ' ' ~ before ~ ': no run wrote to it in between'
        }[standing], info=true) -%}
    {%- endfor -%}
{% endmacro %}


{% macro default___swap_tables(tables, incident_id, runs, cloned_at) %}
    {%- do exactly_once._refuse_engine('remediation_swap') -%}
{% endmacro %}


{% macro duckdb___swap_tables(tables, incident_id, runs, cloned_at) %}
    {%- set statements = [] -%}
    {%- for table in tables -%}
        {%- set marker = exactly_once.candidate_marker(table.candidate) -%}
        {%- do statements.extend(exactly_once._renamed(table.live, table.replaced)) -%}
        {%- do statements.append(exactly_once._comment_statement(table.replaced, tojson(dict(
            exactly_once._replaced_marker(incident_id, marker), comment_of_live=marker.comment_of_live
        )))) -%}
        {%- do statements.extend(exactly_once._renamed(table.candidate, table.live)) -%}
        {%- do statements.append(exactly_once._comment_statement(table.live, marker.comment_of_live)) -%}
    {%- endfor -%}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/alter-schema -#}
{% macro snowflake___swap_tables(tables, incident_id, runs, cloned_at) %}
    {%- set claimed = exactly_once._claim_checked(tables, incident_id, 'candidate', cloned_at) -%}
    {%- do exactly_once._note_checked(tables, claimed, runs) -%}
    {%- do exactly_once._swap_schemas(tables[0].live, claimed) -%}
{% endmacro %}


{% macro _note_checked(tables, claimed, runs) %}
    {#-
        Goes along with the swap, so that whoever finishes it knows which runs had written to live when it was checked, and
        how far the tables that became live had read.
    -#}
    {%- set read = {} -%}
    {%- for table in tables -%}
        {%- set moved = exactly_once._moved_to(table, claimed) -%}
        {%- do read.update({table.name: {
            'mark': exactly_once._iso_or_none(exactly_once.recorded_watermark(moved)),
            'last_run': exactly_once._recorded(moved, 'last_run')
        }}) -%}
    {%- endfor -%}
    {%- do exactly_once._comment_on_schema(claimed, tojson(dict(
        exactly_once._parsed_marker(exactly_once._comment_of(claimed)), checked_runs=runs, had_read=read
    ))) -%}
{% endmacro %}


{% macro _moved_to(table, schema) %}
    {#- A curated table in another schema, which a step has claimed. -#}
    {{- return(schema.incorporate(path={'identifier': table.live.identifier})) -}}
{% endmacro %}


{% macro _swap_schemas(live, other) %}
    {%- do run_query(
        'alter schema ' ~ live.include(identifier=false) ~ ' swap with ' ~ other.include(identifier=false)
    ) -%}
{% endmacro %}


{% macro default___finish_swap(tables, incident_id) %}
{% endmacro %}


{#- Live holds the repaired tables already; what is left is to name the old ones for what they are. -#}
{% macro snowflake___finish_swap(tables, incident_id) %}
    {%- set live, replaced = tables[0].live, tables[0].replaced -%}
    {%- set marker = exactly_once.candidate_marker(live) or {} -%}
    {%- if marker.incident_id == incident_id -%}
        {%- set old = exactly_once._claim_what_was_live(tables[0], replaced, incident_id) -%}
        {%- if old -%}
            {%- set overtaken = exactly_once._swap_back_if_overtaken(tables, old, marker, 'candidate', incident_id) -%}
            {%- if overtaken -%}
                {%- do exactly_once._refuse_overtaken(
                    incident_id, 'a regular run that wrote to ' ~ overtaken | join(', ') ~ ' after the checks; the swap was taken back'
                ) -%}
            {%- endif -%}
            {%- do exactly_once._name_claim(old, replaced, incident_id) -%}
        {%- endif -%}
        {%- do exactly_once._drop_asides(tables[0], incident_id) -%}
        {#- one that was given since the checks -#}
        {%- do exactly_once._copy_grants(tables, 'replaced', 'live') -%}
        {%- do exactly_once._comment_on_schema(
            replaced, tojson(dict(
                exactly_once._replaced_marker(incident_id, marker), comment_of_live=marker.comment_of_live
            ))
        ) -%}
        {#- last: while live bears the marker, the swap is not finished -#}
        {%- do exactly_once._comment_on_schema(live, marker.comment_of_live) -%}
    {%- elif exactly_once._remediation_state(tables, incident_id) != 'swapped' -%}
        {%- do exactly_once._refuse_crossed(incident_id, 'another session that took the swap over, and back') -%}
    {%- endif -%}
{% endmacro %}


{% macro _swap_back_if_overtaken(tables, old_tables, marker, place, incident_id) %}
    {#-
        A regular run may have ended between the last check and the swap: readers have seen its rows, so back at once.
        Not where live has read further since and lacks nothing: then readers would lose what they have seen of live.
        Gives the names of the tables that the run wrote to, none where nothing was taken back.
    -#}
    {%- set overtaken = [] -%}
    {%- for table in tables if marker.checked_runs -%}
        {%- set old = exactly_once._moved_to(table, old_tables) -%}
        {%- if exactly_once._last_run(old) != marker.checked_runs[table.name]
            and not exactly_once._has_caught_up(table.live, old, (marker.had_read or {}).get(table.name)) -%}
            {%- do overtaken.append(table.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if overtaken -%}
        {%- if exactly_once._comment_of(old_tables) is none -%}
            {%- do exactly_once._refuse_crossed(incident_id, 'another session that took over ' ~ old_tables.schema) -%}
        {%- endif -%}
        {#- for the auditors: readers had other tables for a moment -#}
        {%- do exactly_once._append_to_ledger(
            'remediation_swap' if place == 'candidate' else 'remediation_rollback', 'taken_back', incident_id,
            {'overtaken': overtaken}, {}, {}
        ) -%}
        {%- do exactly_once._swap_schemas(tables[0].live, old_tables) -%}
        {%- do exactly_once._name_claim(old_tables, tables[0][place], incident_id) -%}
    {%- endif -%}
    {{- return(overtaken) -}}
{% endmacro %}


{% macro _has_caught_up(live, old, had_read) %}
    {#-
        Whether a run has read on with a table since it became live, as far as the old one had. Told by the mark: a run that
        began before the swap may write to it too. A table without marks is computed anew by each run.
    -#}
    {%- if not had_read -%}{{- return(false) -}}{%- endif -%}
    {%- set mark, old_mark = exactly_once.recorded_watermark(live), exactly_once.recorded_watermark(old) -%}
    {%- if mark is none and old_mark is none -%}
        {{- return(exactly_once._recorded(live, 'last_run') != had_read.last_run) -}}
    {%- endif -%}
    {{- return(
        mark is not none and had_read.mark is not none and old_mark is not none
        and mark > modules.datetime.datetime.fromisoformat(had_read.mark) and mark >= old_mark
        and not exactly_once._runs_lacking(exactly_once._recorded_row(old), exactly_once._recorded_row(live))
    ) -}}
{% endmacro %}


{% macro _replaced_marker(incident_id, marker) %}
    {#- There is one candidate at a time, so that swaps have the order of their clones. -#}
    {{- return({'app': 'exactly_once', 'replaced_for': incident_id, 'cloned_at': marker.cloned_at}) -}}
{% endmacro %}


{% macro _last_runs(tables) %}
    {#- What live is, told without reading it: {name: text}. -#}
    {%- set runs = {} -%}
    {%- for table in tables -%}{%- do runs.update({table.name: exactly_once._last_run(table.live)}) -%}{%- endfor -%}
    {{- return(runs) -}}
{% endmacro %}


{% macro _last_run(relation) %}
    {#- Other for a relation that a run has written to, or that a swap or a rollback has made live; not by its mark alone. -#}
    {{- return(exactly_once._recorded(
        relation, 'coalesce(cast(' ~ exactly_once.epoch_micros('arrival_watermark')
        ~ " as varchar), '') || ' ' || coalesce(last_run, '') || ' ' || coalesce(generation, '')"
    )) -}}
{% endmacro %}


{% macro _check_not_overtaken(tables, incident_id, runs_before) %}
    {%- if exactly_once._last_runs(tables) != runs_before -%}
        {%- set marks = [] -%}
        {%- for table in tables -%}{%- do marks.append(exactly_once.recorded_watermark(table.live)) -%}{%- endfor -%}
        {%- do exactly_once._refuse_overtaken(
            incident_id, 'events up to ' ~ marks | join(', ') ~ ', of a regular run that ended after the checks began'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _what_is_checked(tables, incident_id) %}
    {#- What the checks of a swap hold for: the last build and detection in the ledger, and who wrote each candidate last. -#}
    {{- return({
        'candidate_build': exactly_once._last_entry('candidate_build', incident_id),
        'detection': exactly_once._last_entry('detection', incident_id),
        'last_runs': exactly_once._names_of_last_runs(tables, 'candidate')
    }) -}}
{% endmacro %}


{% macro _check_not_changed_since(checked, tables, incident_id) %}
    {#- What goes live is what was checked, and the ledger has its digests. -#}
    {%- if exactly_once._what_is_checked(tables, incident_id) != checked -%}
        {%- do exactly_once._refuse(
            'the candidates of incident ' ~ incident_id, 'a build or a detection that began, or ended, after the checks',
            'candidates and decisions as they were checked', 'Live is untouched. Wait until it has ended, then run: '
            ~ exactly_once._verb_command('remediation_swap', incident_id)
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_overtaken(incident_id, found) %}
    {%- do exactly_once._refuse(
        'live', found, 'no regular run while the candidates are checked and swapped',
        'Build the candidates again, and swap between two regular runs: ' ~ exactly_once._build_command(incident_id)
    ) -%}
{% endmacro %}


{% macro _renamed(old, new) %}
    {#- Statements that rename a table and the watermark that is recorded for it. -#}
    {%- set watermarks = exactly_once.model_relation('incremental_watermarks') -%}
    {{- return([
        'alter table ' ~ old ~ ' rename to ' ~ adapter.quote(new.identifier),
        'update ' ~ watermarks ~ ' set relation_name = ' ~ exactly_once.text_literal(exactly_once._watermark_key(new))
            ~ ' where relation_name = ' ~ exactly_once.text_literal(exactly_once._watermark_key(old))
    ]) -}}
{% endmacro %}


{% macro _comment_statement(table, comment) %}
    {{- return('comment on table ' ~ table ~ ' is ' ~ (exactly_once.text_literal(comment) if comment else 'null')) -}}
{% endmacro %}


{% macro _rename_schema(old, new) %}
    {#- Nothing where another session was faster: whoever calls this looks at what bears the new name then. -#}
    {%- do run_query(
        'alter schema if exists ' ~ old.include(identifier=false) ~ ' rename to ' ~ new.include(identifier=false)
    ) -%}
{% endmacro %}


{% macro _comment_on_schema(relation, comment) %}
    {%- do run_query(
        'comment on schema ' ~ relation.include(identifier=false) ~ ' is ' ~ exactly_once.text_literal(comment or '')
    ) -%}
{% endmacro %}
