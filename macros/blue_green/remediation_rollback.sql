{% macro remediation_rollback(incident_id, dry_run=false, allow_gap=false, allow_changed=false) %}
    {#-
        Run-operation. Makes the tables that a swap replaced live again, in one step, and keeps the repaired ones
        as <schema>__withdrawn_<incident> or <table>__withdrawn_<incident>. Replaced tables that lack what live has
        taken in since the swap are refused, unless allow_gap is true: a build with exactly_once__build_replaced brings
        them up to it. So are those that somebody has changed since, unless allow_changed is true. Each table carries its own watermark, so that the
        next regular run takes in what arrives after that. Run again, it finishes what is left, or does nothing.
    -#}
    {%- do exactly_once._begin_verb('remediation_rollback', incident_id) -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- do exactly_once._check_unfinished(tables, incident_id, 'remediation_rollback') -%}
    {%- set state = exactly_once._remediation_state(tables, incident_id) -%}
    {%- if state == 'rollback_claimed' and not dry_run -%}
        {%- set state = exactly_once._take_claim_back(tables, incident_id, 'replaced') -%}
    {%- endif -%}
    {%- if state == 'rolled_back' -%}
        {%- if not dry_run and not exactly_once._has_rollback_ended(incident_id) -%}
            {%- do exactly_once._end_rollback(tables, incident_id) -%}
            {%- do exactly_once._compare_with_before(tables, incident_id) -%}
        {%- endif -%}
        {%- if not dry_run -%}{%- do exactly_once._check_nothing_went_meanwhile(tables, incident_id) -%}{%- endif -%}
        {%- do log('Incident ' ~ incident_id ~ ' is rolled back already; nothing to do.', info=true) -%}
        {%- if exactly_once._lacking_since_rollback(tables, incident_id) is not none -%}
            {%- do exactly_once._say_next(exactly_once._regular_job_after_rollback(tables, incident_id)) -%}
        {%- endif -%}
        {{- return(none) -}}
    {%- elif state not in ('swapping', 'swapped', 'rollback_claimed', 'rolling_back') -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'no tables that a swap replaced', 'an incident that has been swapped, and not retired',
            'There is nothing to roll back to. What is next: ' ~ exactly_once._verb_command('remediation_status', incident_id)
        ) -%}
    {%- endif -%}
    {%- do exactly_once._ledger() -%}
    {%- if state == 'swapped' -%}{%- do exactly_once._check_last_swap(tables, incident_id) -%}{%- endif -%}
    {%- do exactly_once._check_nothing_quarantined(incident_id) -%}
    {%- set arguments = exactly_once._arguments_of_rollback(incident_id, allow_gap, allow_changed) -%}
    {%- set runs = exactly_once._last_runs(tables) -%}
    {%- if state == 'swapped' -%}
        {%- do exactly_once._check_replaced(tables, incident_id, allow_gap, allow_changed) -%}
    {%- endif -%}
    {%- do exactly_once._announce('Rolling back', tables, incident_id, dry_run) -%}
    {%- if dry_run -%}
        {%- for table in tables -%}
            {%- do log('  ' ~ table.replaced ~ ' would become ' ~ table.live ~ ' again', info=true) -%}
        {%- endfor -%}
        {%- do exactly_once._say_next('', dry_run) -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- if state == 'swapping' -%}
        {%- do adapter.dispatch('_finish_swap', 'exactly_once')(tables, incident_id) -%}
        {%- do exactly_once._end_swap(tables, incident_id) -%}
        {%- set runs = exactly_once._last_runs(tables) -%}
        {%- do exactly_once._check_replaced(tables, incident_id, allow_gap, allow_changed) -%}
    {%- endif -%}
    {%- if state != 'rolling_back' -%}
        {%- if allow_gap is sameas true -%}{%- do arguments.update(replaced=exactly_once._what_replaced_have_read(tables)) -%}{%- endif -%}
        {%- do exactly_once._begin_step(
            'remediation_rollback', incident_id, arguments, exactly_once._digests_of(tables, 'live')
        ) -%}
        {%- do exactly_once._check_still_swapped(tables, incident_id) -%}
        {%- if allow_gap is not sameas true -%}
            {%- set overtaken = exactly_once._marks_behind(tables) -%}
            {%- if not overtaken and exactly_once._last_runs(tables) != runs -%}
                {%- do overtaken.append('a regular run has ended since the checks began') -%}
            {%- endif -%}
            {%- if overtaken -%}{%- do exactly_once._refuse_gap(incident_id, overtaken) -%}{%- endif -%}
        {%- endif -%}
        {%- do adapter.dispatch('_roll_back_tables', 'exactly_once')(
            tables, incident_id, none if allow_gap is sameas true else runs
        ) -%}
    {%- endif -%}
    {%- do adapter.dispatch('_finish_rollback', 'exactly_once')(tables, incident_id) -%}
    {%- do exactly_once._end_rollback(tables, incident_id) -%}
    {%- do exactly_once._compare_with_before(tables, incident_id) -%}
    {%- do exactly_once._check_nothing_went_meanwhile(tables, incident_id) -%}
    {%- for table in tables -%}
        {%- do log('  ' ~ table.live ~ ' is the table that the swap replaced; the repaired one is kept as ' ~ table.withdrawn, info=true) -%}
    {%- endfor -%}
    {%- do exactly_once._say_next(
        exactly_once._regular_job_after_rollback(tables, incident_id) ~ ', which takes in what has arrived since'
    ) -%}
{% endmacro %}


{% macro _arguments_of_rollback(incident_id, allow_gap, allow_changed) %}
    {#- As the ledger has them. To go back to what was live needs nobody; nobody approved rows that no run wrote. -#}
    {%- set arguments = {} -%}
    {%- if allow_changed is sameas true -%}
        {%- do arguments.update(exactly_once._check_registered(incident_id), allow_changed=true) -%}
    {%- endif -%}
    {%- if allow_gap is sameas true -%}{%- do arguments.update(allow_gap=true) -%}{%- endif -%}
    {{- return(arguments) -}}
{% endmacro %}


{% macro _check_replaced(tables, incident_id, allow_gap, allow_changed) %}
    {%- do exactly_once._check_nothing_is_left_behind(tables) -%}
    {%- do exactly_once._check_nothing_revoked(tables, incident_id) -%}
    {%- do exactly_once._check_can_be_renamed(tables, ['live', 'replaced']) -%}
    {%- do exactly_once._check_columns_are_there(tables, incident_id, allow_gap) -%}
    {%- do exactly_once._check_no_gap(tables, incident_id, allow_gap) -%}
    {%- do exactly_once._check_kept_as_they_were(tables, incident_id, allow_changed) -%}
{% endmacro %}


{% macro _check_still_swapped(tables, incident_id) %}
    {#- Once more right before the tables are moved: digests take minutes, and others work meanwhile. -#}
    {%- if exactly_once._remediation_state(tables, incident_id) != 'swapped' -%}
        {%- do exactly_once._refuse_crossed(incident_id, 'a step of another session since the checks') -%}
    {%- endif -%}
    {%- do exactly_once._check_last_swap(tables, incident_id) -%}
    {%- do exactly_once._check_nothing_quarantined(incident_id) -%}
    {%- do exactly_once._check_nothing_is_left_behind(tables) -%}
{% endmacro %}


{% macro _check_nothing_is_left_behind(tables) %}
    {#- What somebody made in live since the swap would be withdrawn with it. -#}
    {%- do exactly_once._check_has_all_models(tables, 'replaced') -%}
    {%- if exactly_once._swaps_schemas() -%}
        {%- set live, replaced = tables[0].live, tables[0].replaced -%}
        {%- set kept = exactly_once._tables_in_schema_of(replaced) -%}
        {%- set others = exactly_once._tables_in_schema_of(live) | reject('in', kept) | list -%}
        {%- if others -%}
            {%- do exactly_once._refuse(
                'schema ' ~ live.schema, 'tables made since the swap: ' ~ others | join(', '),
                'the tables that ' ~ replaced.schema ~ ' has', 'Move them to another schema, and run this again.'
            ) -%}
        {%- endif -%}
        {%- do exactly_once._check_views_are_kept(tables, 'replaced') -%}
    {%- endif -%}
{% endmacro %}


{% macro _has_rollback_ended(incident_id) %}
    {#- Whether the last rollback, whose tables are moved, came to its end in the ledger. -#}
    {{- return((exactly_once._last_entry('remediation_rollback', incident_id) or {}).get('phase') == 'ended') -}}
{% endmacro %}


{% macro _end_rollback(tables, incident_id) %}
    {#- Writes the end of a rollback, with the digests of live; not where it is written already. -#}
    {%- if not exactly_once._has_rollback_ended(incident_id) -%}
        {%- do exactly_once._end_step(
            'remediation_rollback', incident_id, exactly_once._row_counts(tables, 'live'), exactly_once._digests_of(tables, 'live')
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _compare_with_before(tables, incident_id) %}
    {#- The proof: what live is now, and what the ledger says that it was. -#}
    {%- set digests = exactly_once._last_entry('remediation_rollback', incident_id).digests -%}
    {%- set before = exactly_once._known_of_replaced(tables, incident_id) -%}
    {%- do exactly_once._say_compared(
        exactly_once._compared(tables, 'live', digests, before), digests, before, before.which
    ) -%}
{% endmacro %}


{% macro _known_of_replaced(tables, incident_id) %}
    {#-
        What the ledger knows of the replaced tables, {digests, last_runs, which, changed}: when the swap began, or after the
        last build of them. Each build says what it found, so that rows that somebody changed before it are not taken for
        its own: `changed` names those tables.
    -#}
    {%- set swap = exactly_once._last_entry('remediation_swap', incident_id, 'begun') -%}
    {#- somebody may have taken entries away, which ledger_verify says -#}
    {%- set known = {
        'digests': (swap or {}).get('digests', {}), 'last_runs': (swap or {'arguments': {}}).arguments.get('last_runs', {}),
        'which': 'the table before the swap', 'changed': []
    } -%}
    {%- for build in exactly_once._entries_after('replaced_build', incident_id, (swap or {'entry_number': 0}).entry_number) -%}
        {%- set last_runs = build.arguments.get('last_runs', {}) -%}
        {%- if build.phase == 'begun' -%}
            {%- for table in tables if build.digests.get(table.name) != known.digests.get(table.name)
                and last_runs.get(table.name) == known.last_runs.get(table.name) and table.name not in known.changed -%}
                {%- do known.changed.append(table.name) -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do known.update({'digests': build.digests, 'last_runs': last_runs}) -%}
        {%- if build.phase == 'ended' -%}
            {%- do known.update({
                'which': 'the table before the swap, with what had arrived by ledger entry ' ~ build.entry_number
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(known) -}}
{% endmacro %}


{% macro _check_kept_as_they_were(tables, incident_id, allow_changed) %}
    {#-
        Readers would see rows that nobody but their author knows. Those that a run wrote are right, also of a run that
        began before the swap, or of a build that failed half way.
    -#}
    {%- set before = exactly_once._known_of_replaced(tables, incident_id) -%}
    {%- set changed = (before.changed + exactly_once._changed_by_no_run(
        exactly_once._compared(tables, 'replaced', exactly_once._digests_of(tables, 'replaced'), before)
    )) | unique | list -%}
    {%- if changed and allow_changed is not sameas true -%}
        {%- do exactly_once._refuse(
            'the tables that the swap for incident ' ~ incident_id ~ ' replaced',
            'other rows in ' ~ changed | join(', ') ~ ' than the ledger has the digest of, and no run wrote them',
            before.which, 'Look who did (on Snowflake in the query history). To make them live as they are: '
            ~ exactly_once._rollback_as_they_are(incident_id)
        ) -%}
    {%- elif changed -%}
        {%- do log('  rows of ' ~ changed | join(', ') ~ ' become live that no run wrote', info=true) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_no_gap(tables, incident_id, allow_gap) %}
    {#-
        Readers would see tables without what they have seen already. Told by the marks, and by the rows, since events may
        land behind a mark.
    -#}
    {%- set behind = exactly_once._marks_behind(tables) -%}
    {%- for table in tables -%}
        {%- set lacking = run_query(
            exactly_once._rows_behind(table, exactly_once._measures_that_copies_add_to(table, incident_id))
        ).rows[0][0] | int -%}
        {%- if lacking -%}{%- do behind.append(exactly_once._with_commas(lacking) ~ ' rows of ' ~ table.name) -%}{%- endif -%}
    {%- endfor -%}
    {%- if behind and allow_gap is not sameas true -%}
        {%- do exactly_once._refuse_gap(incident_id, behind) -%}
    {%- elif behind -%}
        {%- do log('  readers will lack what has arrived since the swap: ' ~ behind | join('; '), info=true) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_nothing_revoked(tables, incident_id) %}
    {#-
        What was revoked on live since the swap is still granted on the tables that would be live again. A future grant
        that live lacks may also be one that the swap could not give: it is named, and stops nothing.
    -#}
    {%- if exactly_once._swaps_schemas() -%}
        {%- set statements, later = [], [] -%}
        {%- for missing in exactly_once._missing_grants(tables, 'replaced', 'live') -%}
            {%- set grant = missing.grant -%}
            {%- set is_later = exactly_once._is_future(grant) -%}
            {%- do (later if is_later else statements).append(
                'revoke ' ~ grant.privilege ~ ' on ' ~ grant.on ~ ' ' ~ (missing.object if is_later else missing.source) ~ ' from '
                ~ grant.to | replace(' with grant option', '')
            ) -%}
        {%- endfor -%}
        {%- if later -%}
            {%- do log(
                '  ' ~ later | length ~ ' grants on tables still to come, which live lacks, come back with this rollback. If they'
                ~ ' were revoked, run after it, as a role with MANAGE GRANTS such as SECURITYADMIN:', info=true
            ) -%}
            {%- for statement in later -%}{%- do log('    ' ~ statement ~ ';', info=true) -%}{%- endfor -%}
        {%- endif -%}
        {%- if statements -%}
            {%- do exactly_once._refuse(
                'the tables that the swap for incident ' ~ incident_id ~ ' replaced',
                statements | length ~ ' grants that live no longer has', 'the grants of live',
                'Run: ' ~ statements | join('; ') ~ '; and this again'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _marks_behind(tables) %}
    {%- set behind = [] -%}
    {%- for table in tables -%}
        {%- set live, replaced = exactly_once.recorded_watermark(table.live), exactly_once.recorded_watermark(table.replaced) -%}
        {%- if live is not none and (replaced is none or replaced < live) -%}
            {%- do behind.append(
                table.name ~ ' has arrivals up to ' ~ (replaced if replaced is not none else 'nothing') ~ ', live up to ' ~ live ~ ' (UTC)'
            ) -%}
        {%- endif -%}
        {#- an event of a payment or hour that copies add to is not missed by its row -#}
        {%- set lacking = exactly_once._runs_lacking(
            exactly_once._recorded_row(table.live), exactly_once._recorded_row(table.replaced)
        ) -%}
        {%- if lacking -%}
            {%- do behind.append(
                table.name ~ ' lacks ' ~ lacking | length ~ ' runs of live that read the source again, from '
                ~ exactly_once._earliest_start(lacking) ~ ' (UTC) on'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(behind) -}}
{% endmacro %}


{% macro _regular_job_after_rollback(tables, incident_id) %}
    {#- The command, with what it needs beside its own mark to take in all that the repaired tables had. -#}
    {%- set start = exactly_once._lacking_since_rollback(tables, incident_id) -%}
    {{- return(
        'dbt build --selector fifteen_minute'
        ~ (" --vars '{exactly_once__reprocess_from: " ~ tojson(start | string) ~ "}'" if start is not none else '')
    ) -}}
{% endmacro %}


{% macro _what_replaced_have_read(tables) %}
    {#- Noted before they are live again, and read by runs: {name: {mark, read_again}}, as incremental_watermarks has it. -#}
    {%- set replaced = {} -%}
    {%- for table in tables -%}
        {%- do replaced.update({table.name: {
            'mark': exactly_once._iso_or_none(exactly_once.recorded_watermark(table.replaced)),
            'read_again': exactly_once._recorded_row(table.replaced).get('read_again')
        }}) -%}
    {%- endfor -%}
    {{- return(replaced) -}}
{% endmacro %}


{% macro _lacking_since_rollback(tables, incident_id) %}
    {#-
        From where live lacks what the withdrawn tables had read again, as far as it is behind where the first run after the
        rollback begins by itself; none once a run has read from there.
    -#}
    {%- set begun = exactly_once._last_entry('remediation_rollback', incident_id, 'begun') or {'arguments': {}} -%}
    {%- set replaced = begun.arguments.get('replaced', {}) -%}
    {%- set starts = [] -%}
    {%- for table in tables if (replaced.get(table.name) or {}).mark -%}
        {%- set known = replaced[table.name] -%}
        {%- set begins = exactly_once.shifted_time(
            modules.datetime.datetime.fromisoformat(known.mark), -exactly_once.settings().late_arrival_hours
        ) -%}
        {%- set start = exactly_once._earliest_start(
            exactly_once._runs_lacking(exactly_once._recorded_row(table.withdrawn), known)
        ) -%}
        {%- set read_since = exactly_once._earliest_start(
            exactly_once._runs_lacking(exactly_once._recorded_row(table.live), known)
        ) -%}
        {%- if start is not none and start < begins and (read_since is none or read_since > start) -%}
            {%- do starts.append(start) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(starts | min if starts else none) -}}
{% endmacro %}


{% macro _check_read_again_after_rollback(tables, incident_id) %}
    {#- A clone of live without those rows would not know that it lacks them, and a retire would forget it. -#}
    {%- set start = exactly_once._lacking_since_rollback(tables, incident_id) -%}
    {%- if start is not none -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'a rollback to tables that lack what live had read again, from ' ~ start ~ ' (UTC) on',
            'live with all that readers have seen', 'Run first: ' ~ exactly_once._regular_job_after_rollback(tables, incident_id)
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _measures_that_copies_add_to(table, incident_id) %}
    {#-
        Where live has more of one of these, an event is missing. A copy adds to counts. To amounts only if none is negative,
        so that they are asked where a table has no count, and no copy of the incident that went is below zero.
    -#}
    {%- set counts = [] -%}
    {%- for measure in table.measures if (measure | lower).endswith('_count') -%}{%- do counts.append(measure) -%}{%- endfor -%}
    {%- if counts or not table.measures -%}{{- return(counts) -}}{%- endif -%}
    {{- return([] if exactly_once._takes_from_amounts(incident_id) else table.measures) -}}
{% endmacro %}


{% macro _takes_from_amounts(incident_id) %}
    {#- Whether a copy with a negative amount was decided to go, as far as decisions of the incident are there. -#}
    {%- set name = 'incident_decisions' if exactly_once.decided_incident() == incident_id else 'audit_decisions' -%}
    {%- if not exactly_once._nodes_of(name) or not exactly_once._is_there(exactly_once.model_relation(name)) -%}
        {{- return(false) -}}
    {%- endif -%}
    {{- return(run_query(
        'select count(*) from ' ~ exactly_once.model_relation(name) ~ " where decision = 'remove' and incident_id = "
        ~ exactly_once.text_literal(incident_id) ~ ' and ' ~ exactly_once.source_columns().amount.sql ~ ' < 0'
    ).rows[0][0] | int > 0) -}}
{% endmacro %}


{% macro _check_columns_are_there(tables, incident_id, allow_gap) %}
    {#- Columns that live got since the swap: no run adds them by itself. -#}
    {%- set on_replaced, on_live = [], [] -%}
    {%- for table in tables -%}
        {%- set known = adapter.get_columns_in_relation(table.replaced) | map(attribute='name') | list -%}
        {%- for column in adapter.get_columns_in_relation(table.live) if column.name not in known -%}
            {%- set added = ' add column ' ~ adapter.quote(column.name) ~ ' ' ~ column.data_type -%}
            {%- do on_replaced.append('alter table ' ~ table.replaced ~ added) -%}
            {%- do on_live.append('alter table ' ~ table.live ~ added) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if on_replaced and allow_gap is not sameas true -%}
        {%- do exactly_once._refuse(
            'the tables that the swap for incident ' ~ incident_id ~ ' replaced',
            on_replaced | length ~ ' columns less than live', 'the columns that readers see',
            'Run: ' ~ on_replaced | join('; ') ~ '; then ' ~ exactly_once._replaced_build_command(incident_id)
            ~ ', and this again. To go back at once, without them: ' ~ exactly_once._rollback_at_once(incident_id)
        ) -%}
    {%- elif on_replaced -%}
        {%- do log(
            '  readers will lack ' ~ on_replaced | length ~ ' columns that live got since the swap. A regular run may need'
            ~ ' them; after the rollback: ' ~ on_live | join('; '), info=true
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _rows_behind(table, measures) %}
    {%- set is_same, is_less = [], [] -%}
    {%- for key in table.unique_key -%}
        {%- do is_same.append('live_rows.' ~ key ~ ' is not distinct from replaced_rows.' ~ key) -%}
    {%- endfor -%}
    {%- for measure in measures -%}
        {%- do is_less.append('coalesce(replaced_rows.' ~ measure ~ ', 0) < coalesce(live_rows.' ~ measure ~ ', 0)') -%}
    {%- endfor -%}
    {{- return(
        'select count(*) from ' ~ table.live ~ ' as live_rows left join (select *, 1 as is_there from ' ~ table.replaced
        ~ ') as replaced_rows on ' ~ is_same | join(' and ') ~ ' where '
        ~ (['replaced_rows.is_there is null'] + is_less) | join(' or ')
    ) -}}
{% endmacro %}


{% macro _refuse_gap(incident_id, behind) %}
    {%- do exactly_once._refuse(
        'the tables that the swap for incident ' ~ incident_id ~ ' replaced', 'less than readers see: ' ~ behind | join('; '),
        'tables that have what has arrived since',
        'Run: ' ~ exactly_once._replaced_build_command(incident_id)
        ~ ', and this again. To go back at once, and leave the rest to the run that it names: ' ~ exactly_once._rollback_at_once(incident_id)
    ) -%}
{% endmacro %}


{% macro _replaced_build_command(incident_id) %}
    {{- return(
        "dbt build --selector fifteen_minute --vars '{exactly_once__build_replaced: "
        ~ exactly_once._typed_id(incident_id) ~ "}'"
    ) -}}
{% endmacro %}


{% macro _rollback_at_once(incident_id) %}
    {{- return(exactly_once._verb_command('remediation_rollback', incident_id, 'allow_gap: true')) -}}
{% endmacro %}


{% macro _rollback_as_they_are(incident_id) %}
    {{- return(exactly_once._verb_command('remediation_rollback', incident_id, 'allow_changed: true')) -}}
{% endmacro %}


{% macro _check_nothing_quarantined(incident_id) %}
    {#- A later detection would report nothing of what the old tables count and the source no longer has. -#}
    {%- set quarantine = exactly_once.model_relation('quarantined_events') -%}
    {%- if exactly_once._is_there(quarantine) -%}
        {%- set copies = run_query('select count(*) from (' ~ exactly_once._in_quarantine(incident_id) ~ ') as out').rows[0][0] | int -%}
        {%- if copies -%}
            {%- do exactly_once._refuse(
                'incident ' ~ incident_id, exactly_once._with_commas(copies) ~ ' copies in quarantine',
                'a source that holds them again, so that the old tables can be repaired once more',
                'Run first: ' ~ exactly_once._verb_command('raw_restore', incident_id)
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_nothing_went_meanwhile(tables, incident_id) %}
    {#- A raw_quarantine that was under way has taken a slice out since the last look. -#}
    {%- set copies = exactly_once._left_in_quarantine_by_rollback(incident_id) -%}
    {%- if copies -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, exactly_once._with_commas(copies) ~ ' copies that went to quarantine during the rollback',
            'a source that holds them again, as the tables do that are live now',
            'The rollback is done. Run: ' ~ exactly_once._verb_command('raw_restore', incident_id) ~ '; and then: '
            ~ exactly_once._regular_job_after_rollback(tables, incident_id)
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _left_in_quarantine_by_rollback(incident_id) %}
    {#- How many copies of an incident are out of the source though its tables went back, and no raw verb was run since. -#}
    {%- if exactly_once._last_raw_step(incident_id) or not exactly_once._is_there(exactly_once.model_relation('quarantined_events')) -%}
        {{- return(0) -}}
    {%- endif -%}
    {{- return(exactly_once._count_in_quarantine(incident_id)) -}}
{% endmacro %}


{% macro _kept_swaps(tables) %}
    {#- The incidents whose replaced tables are kept, and when they were cloned: swaps have the order of their clones. -#}
    {%- set swaps = {} -%}
    {%- for marker in exactly_once._kept_markers(tables, 'replaced') -%}
        {%- do swaps.update({marker.replaced_for: marker.cloned_at}) -%}
    {%- endfor -%}
    {{- return(swaps) -}}
{% endmacro %}


{% macro _kept_markers(tables, place) %}
    {#-
        The markers of the tables that are kept beside live: those that swaps replaced, or that rollbacks withdrew. Of every
        table, for one that became a curated one since has none.
    -#}
    {%- set markers = [] -%}
    {%- for table in exactly_once._with_markers(tables) -%}
        {%- for comment in adapter.dispatch('_kept_comments', 'exactly_once')(table.live, '__' ~ place ~ '_') -%}
            {%- set marker = exactly_once._parsed_marker(comment) or {} -%}
            {%- if (marker.replaced_for or marker.withdrawn_for) and marker not in markers -%}{%- do markers.append(marker) -%}{%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(markers) -}}
{% endmacro %}


{% macro _check_last_swap(tables, incident_id) %}
    {#- To go back before an earlier swap would undo the later ones too, without saying so. -#}
    {%- set swaps = exactly_once._kept_swaps(tables) -%}
    {%- for other, cloned_at in swaps.items() if cloned_at > swaps[incident_id] -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'a later swap, for incident ' ~ other, 'the last swap',
            'Roll that one back first: ' ~ exactly_once._verb_command('remediation_rollback', other)
        ) -%}
    {%- endfor -%}
{% endmacro %}


{% macro duckdb___kept_comments(live, ending) %}
    {{- return(run_query(
        'select comment from duckdb_tables() where database_name = ' ~ exactly_once.text_literal(live.database)
        ~ ' and schema_name = ' ~ exactly_once.text_literal(live.schema)
        ~ ' and starts_with(table_name, ' ~ exactly_once.text_literal(live.identifier ~ ending) ~ ')'
    ).columns[0].values()) -}}
{% endmacro %}


{% macro snowflake___kept_comments(live, ending) %}
    {%- set schemas = exactly_once._schemas_beside(live) -%}
    {%- set comments = [] -%}
    {%- for name in exactly_once._names_among(schemas, live, ending) -%}{%- do comments.append(schemas[name]) -%}{%- endfor -%}
    {{- return(comments) -}}
{% endmacro %}


{% macro default___roll_back_tables(tables, incident_id, runs) %}
    {%- do exactly_once._refuse_engine('remediation_rollback') -%}
{% endmacro %}


{% macro duckdb___roll_back_tables(tables, incident_id, runs) %}
    {%- set statements = [] -%}
    {%- for table in tables -%}
        {#- what an earlier rollback withdrew can be made again by a repair -#}
        {%- do statements.append('drop table if exists ' ~ table.withdrawn) -%}
        {%- do statements.extend(exactly_once._forgotten(table.withdrawn)) -%}
        {%- do statements.extend(exactly_once._renamed(table.live, table.withdrawn)) -%}
        {%- do statements.extend(exactly_once._renamed(table.replaced, table.live)) -%}
        {%- do statements.append(exactly_once._comment_statement(
            table.live, (exactly_once.candidate_marker(table.replaced) or {}).comment_of_live
        )) -%}
        {%- do statements.append(exactly_once._comment_statement(
            table.withdrawn, tojson({'app': 'exactly_once', 'withdrawn_for': incident_id})
        )) -%}
    {%- endfor -%}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}


{% macro snowflake___roll_back_tables(tables, incident_id, runs) %}
    {%- set cloned_at = (exactly_once.candidate_marker(tables[0].replaced) or {}).cloned_at -%}
    {%- set claimed = exactly_once._claim_checked(tables, incident_id, 'replaced', cloned_at) -%}
    {%- do exactly_once._note_checked(tables, claimed, runs) -%}
    {%- do exactly_once._swap_schemas(tables[0].live, claimed) -%}
{% endmacro %}


{% macro default___finish_rollback(tables, incident_id) %}
{% endmacro %}


{% macro snowflake___finish_rollback(tables, incident_id) %}
    {%- set live, withdrawn = tables[0].live, tables[0].withdrawn -%}
    {%- set marker = exactly_once.candidate_marker(live) or {} -%}
    {%- if marker.replaced_for == incident_id -%}
        {%- set old = exactly_once._claim_what_was_live(tables[0], withdrawn, incident_id) -%}
        {%- if old -%}
            {%- set overtaken = exactly_once._swap_back_if_overtaken(tables, old, marker, 'replaced', incident_id) -%}
            {%- if overtaken -%}
                {%- do exactly_once._refuse_gap(incident_id, ['a regular run ended after the checks; the rollback was taken back']) -%}
            {%- endif -%}
            {%- do exactly_once._name_claim(old, withdrawn, incident_id) -%}
        {%- endif -%}
        {#- one that was given since the swap -#}
        {%- do exactly_once._copy_grants(tables, 'withdrawn', 'live') -%}
        {%- do exactly_once._comment_on_schema(withdrawn, tojson({'app': 'exactly_once', 'withdrawn_for': incident_id})) -%}
        {#- what an earlier rollback withdrew can be made again by a repair -#}
        {%- do exactly_once._drop_asides(tables[0], incident_id) -%}
        {#- last: while live bears the marker, the rollback is not finished -#}
        {%- do exactly_once._comment_on_schema(live, marker.comment_of_live) -%}
    {%- elif exactly_once._remediation_state(tables, incident_id) != 'rolled_back' -%}
        {%- do exactly_once._refuse_crossed(incident_id, 'another session that took the rollback over') -%}
    {%- endif -%}
{% endmacro %}


{% macro _forgotten(relation) %}
    {{- return([
        'delete from ' ~ exactly_once.model_relation('incremental_watermarks') ~ ' where relation_name = '
        ~ exactly_once.text_literal(exactly_once._watermark_key(relation))
    ]) -}}
{% endmacro %}
