{#- A slice is an hour of arrival, as a number of hours since the epoch; none is the one of no arrival time. -#}

{% macro _slice_hour(alias) %}
    {%- set arrival_time = alias ~ '.' ~ exactly_once.source_columns().arrival_time.sql -%}
    {{- return('case when ' ~ arrival_time ~ ' is not null then ' ~ exactly_once._hour_number(arrival_time) ~ ' end') -}}
{% endmacro %}


{% macro _slices_of(copies) %}
    {#- The slices in which a query's copies lie: [{hour, copies}], in the order of their hours. -#}
    {%- set slices = [] -%}
    {%- for row in run_query(
        'select ' ~ exactly_once._slice_hour('copies') ~ ' as arrival_hour, count(*) as copy_count from ('
        ~ copies ~ ') as copies group by 1 order by 1'
    ).rows -%}
        {%- do slices.append({'hour': row[0] | int if row[0] is not none else none, 'copies': row[1] | int}) -%}
    {%- endfor -%}
    {{- return(slices) -}}
{% endmacro %}


{% macro _slices_left(copies, hours) %}
    {#- The slices once more after the entry of a beginning, since another raw verb may have done some until then. -#}
    {%- set slices = [] -%}
    {%- for slice in exactly_once._slices_of(copies) if slice.hour in hours -%}{%- do slices.append(slice) -%}{%- endfor -%}
    {{- return(slices) -}}
{% endmacro %}


{% macro _count_in_quarantine(incident_id) %}
    {{- return(run_query(
        'select count(*) from (' ~ exactly_once._in_quarantine(incident_id) ~ ') as quarantined'
    ).rows[0][0] | int) -}}
{% endmacro %}


{% macro _in_slices(hours, alias=none) %}
    {#- A predicate on what arrived in these hours, with literal bounds on the bare column. -#}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set parts = exactly_once._hour_ranges(arrival_time, hours | reject('none') | sort, alias) -%}
    {%- if none in hours -%}
        {%- do parts.append((alias ~ '.' if alias else '') ~ arrival_time.sql ~ ' is null') -%}
    {%- endif -%}
    {{- return('(' ~ parts | join(' or ') ~ ')' if parts else 'false') -}}
{% endmacro %}


{% macro _arrived_with(copies, hour) %}
    {#- A predicate on what arrived at the very time of some copies: few rows, so that few have to be hashed. -#}
    {%- set arrival_time = exactly_once.source_columns().arrival_time.sql -%}
    {%- if hour is none -%}{{- return(arrival_time ~ ' is null') -}}{%- endif -%}
    {{- return(arrival_time ~ ' in (select ' ~ arrival_time ~ ' from ' ~ copies ~ ')') -}}
{% endmacro %}


{% macro _slice_start(hour) %}
    {%- if hour is none -%}{{- return(exactly_once.null_timestamp()) -}}{%- endif -%}
    {{- return(exactly_once.timestamp_literal(exactly_once.time_from_micros(hour * 3600000000))) -}}
{% endmacro %}


{% macro _slice_name(hour) %}
    {%- if hour is none -%}{{- return('no arrival time') -}}{%- endif -%}
    {{- return(exactly_once.time_from_micros(hour * 3600000000).isoformat(sep=' ', timespec='minutes')) -}}
{% endmacro %}


{% macro _with_commas(number) %}
    {{- return('{:,}'.format(number)) -}}
{% endmacro %}


{% macro _copies_in(slices) %}
    {{- return(slices | sum(attribute='copies')) -}}
{% endmacro %}


{% macro _log_slice(slices, number) %}
    {%- set slice = slices[number] -%}
    {%- do log(
        '  ' ~ (number + 1) ~ ' of ' ~ slices | length ~ '  ' ~ exactly_once._slice_name(slice.hour) ~ ': '
        ~ exactly_once._with_commas(slice.copies) ~ ' copies', info=true
    ) -%}
{% endmacro %}


{% macro _check_raw_table() %}
    {#- Rows can be taken out of a table alone: what a view reads may lie anywhere. -#}
    {%- set source_table = exactly_once.source_columns().relation -%}
    {%- set found = adapter.get_relation(source_table.database, source_table.schema, source_table.identifier) -%}
    {%- if found is none or not found.is_table -%}
        {%- do exactly_once._refuse(
            'the source ' ~ source_table, 'a ' ~ (found.type if found is not none else 'relation') ~ ', from which no row can be taken out',
            'a table',
            'Point exactly_once__source_schema and exactly_once__source_table at the table that the loader writes to.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_quarantine() %}
    {#- The quarantine has to have the columns of the source, of the same types, and no others. -#}
    {%- set quarantine = exactly_once.model_relation('quarantined_events') -%}
    {%- if not exactly_once._is_there(quarantine) -%}
        {%- do exactly_once._refuse(
            'the quarantine ' ~ quarantine, 'none', 'the model quarantined_events, built',
            'Run: dbt build --select quarantined_events'
        ) -%}
    {%- endif -%}
    {%- if not exactly_once._is_beside_quarantine() -%}
        {%- do exactly_once._refuse(
            'the source ' ~ exactly_once.source_columns().relation, 'a table outside database ' ~ quarantine.database
            ~ ', which holds the quarantine: one DuckDB transaction writes to one database',
            'a source in the database of the target', 'Take the copies out where the source is kept: row_hash in incident_decisions and stg_events tells them.'
        ) -%}
    {%- endif -%}
    {%- set record = exactly_once.quarantine_columns() -%}
    {%- set source_table = exactly_once.source_columns().relation -%}
    {%- set source_names = exactly_once.source_columns().all | map(attribute='name') | list -%}
    {%- set source_types = {} -%}
    {%- for column in exactly_once.source_columns().all -%}{%- do source_types.update({column.name: column.type}) -%}{%- endfor -%}
    {%- set names, differing, alters = [], [], [] -%}
    {%- for column in adapter.get_columns_in_relation(quarantine) if column.name | lower not in record -%}
        {%- do names.append(column.name) -%}
        {%- set type = source_types.get(column.name, column.data_type) -%}
        {#- told before anything is written: an engine may round, or show in its error the value that doesn't fit -#}
        {%- if type | lower != column.data_type | lower -%}
            {%- do differing.append(column.name ~ ' ' ~ column.data_type ~ ', in the source ' ~ type) -%}
            {%- do alters.append(
                exactly_once._alter_type(quarantine, column, type) ~ ', or '
                ~ exactly_once._alter_type(source_table, column, column.data_type)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set lacking = source_names | reject('in', names) | list -%}
    {%- set surplus = names | reject('in', source_names) | list -%}
    {%- if lacking or surplus -%}
        {%- do exactly_once._refuse(
            'the quarantine ' ~ quarantine,
            'other columns than those of the source: ' ~ (lacking + surplus) | join(', '), 'the same columns',
            'Run: dbt build --select quarantined_events' if lacking else 'Give the source its column back.'
        ) -%}
    {%- elif differing -%}
        {%- do exactly_once._refuse(
            'the quarantine ' ~ quarantine, 'other types than those of the source: ' ~ differing | join('; '), 'the same types',
            'Give the one that holds less the type of the other: ' ~ alters | join('; ')
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _alter_type(relation, column, type) %}
    {{- return('alter table ' ~ relation ~ ' alter column ' ~ adapter.quote(column.name) ~ ' set data type ' ~ type) -}}
{% endmacro %}


{% macro _inserted_columns() %}
    {#- The columns of the source that an insert names: not those that the engine computes, as far as it tells which. -#}
    {{- return(adapter.dispatch('_inserted_columns', 'exactly_once')()) -}}
{% endmacro %}


{% macro default___inserted_columns() %}
    {{- return(exactly_once.source_columns().all | map(attribute='sql') | join(', ')) -}}
{% endmacro %}


{#- https://duckdb.org/docs/stable/sql/statements/create_table: generated columns -#}
{% macro duckdb___inserted_columns() %}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set computed = run_query(
        "select column_name from information_schema.columns where is_generated = 'ALWAYS'"
        ~ ' and lower(table_catalog) = ' ~ exactly_once.text_literal(columns.relation.database | lower)
        ~ ' and lower(table_schema) = ' ~ exactly_once.text_literal(columns.relation.schema | lower)
        ~ ' and lower(table_name) = ' ~ exactly_once.text_literal(columns.relation.identifier | lower)
    ).columns[0].values() | list -%}
    {{- return(columns.all | rejectattr('name', 'in', computed) | map(attribute='sql') | join(', ')) -}}
{% endmacro %}


{% macro _like_quarantined(slice, which) %}
    {#- A predicate on the rows of the source in a slice that are equal to some of those in quarantine. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set quarantined = exactly_once.model_relation('quarantined_events') ~ ' as quarantined where ' ~ which -%}
    {{ exactly_once._in_slices([slice.hour]) }}
        and {{ exactly_once._arrived_with(quarantined, slice.hour) }}
        and {{ exactly_once.row_hash(columns.all) }} in (select quarantined.row_hash from {{ quarantined }})
{% endmacro %}


{% macro _held(which) %}
    {#- A query for how many copies some rows of the quarantine are, and how many are not what their row hash says. -#}
    select
        count(copy_number) as copies,
        count(case when row_hash <> {{ exactly_once.row_hash(exactly_once.source_columns().all) }} then 1 end) as changed
    from {{ exactly_once.model_relation('quarantined_events') }}
    where {{ which }}
{% endmacro %}


{% macro _undo_changed(slice, changed, where_to) %}
    {%- do run_query('rollback') -%}
    {%- do exactly_once._refuse(
        'slice ' ~ exactly_once._slice_name(slice.hour),
        exactly_once._with_commas(changed) ~ ' rows that are not in ' ~ where_to ~ ' as they were in the source',
        'rows that are equal by their hash',
        'The slices before it are done and this one is undone. Somebody changed these rows, or a column there holds less '
        ~ 'than they have; ledger_verify says whether the quarantine was changed.'
    ) -%}
{% endmacro %}


{% macro _is_beside_quarantine() %}
    {#- Whether one transaction can write to the source and to the quarantine. Asks the warehouse nothing. -#}
    {{- return(adapter.dispatch('_is_beside_quarantine', 'exactly_once')()) -}}
{% endmacro %}


{% macro default___is_beside_quarantine() %}
    {{- return(true) -}}
{% endmacro %}


{#- https://duckdb.org/docs/stable/sql/statements/attach: a transaction writes to one database -#}
{% macro duckdb___is_beside_quarantine() %}
    {%- set source_table = exactly_once._source_relation(exactly_once.settings()) -%}
    {{- return(source_table.database | lower == exactly_once.model_relation('quarantined_events').database | lower) -}}
{% endmacro %}


{% macro _source_state(hours) %}
    {#-
        What the source holds in some slices, for the ledger: {slices, rows, digest}, and how many rows of them are in
        quarantine, for whichever incident, at that same moment.
    -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set rows, digest, quarantined = run_query(
        'select held.row_count, held.digest, (select count(*) from ' ~ exactly_once.model_relation('quarantined_events')
        ~ ' where restored_at is null and ' ~ exactly_once._in_slices(hours) ~ ') as quarantined from ('
        ~ exactly_once.relation_digest(
            columns.relation, columns.all | map(attribute='name') | list, exactly_once._in_slices(hours)
        ) ~ ') as held'
    ).rows[0].values() -%}
    {%- set names = [] -%}
    {%- for hour in hours -%}{%- do names.append(exactly_once._slice_name(hour)) -%}{%- endfor -%}
    {{- return({'slices': names | sort, 'rows': rows | int, 'quarantined': quarantined | int, 'digest': digest}) -}}
{% endmacro %}


{% macro _raw_digests(incident_id, source_state) %}
    {{- return({
        'quarantined_events': exactly_once._evidence_digest('quarantined_events', incident_id),
        'source': source_state
    }) -}}
{% endmacro %}


{% macro _in_quarantine(incident_id) %}
    {#- A query for the copies of an incident that are in quarantine now. -#}
    {{- return(
        'select * from ' ~ exactly_once.model_relation('quarantined_events') ~ ' as quarantined where incident_id = '
        ~ exactly_once.text_literal(incident_id) ~ ' and restored_at is null'
    ) -}}
{% endmacro %}


{% macro _hours_touched(incident_id, slices) %}
    {#- The hours of some slices and of whatever was ever in quarantine: the same in every run, a killed one too. -#}
    {%- set hours = [] -%}
    {%- for slice in slices + exactly_once._slices_of(
        'select * from ' ~ exactly_once.model_relation('quarantined_events') ~ ' as quarantined where incident_id = '
        ~ exactly_once.text_literal(incident_id)
    ) if slice.hour not in hours -%}
        {%- do hours.append(slice.hour) -%}
    {%- endfor -%}
    {{- return(hours) -}}
{% endmacro %}


{% macro _end_unfinished(step, incident_id, in_quarantine) %}
    {#- A run that died after its last slice left nothing to do but the entry of its end. -#}
    {%- set last = exactly_once._last_entry(step, incident_id) -%}
    {%- if last is not none and last.phase == 'begun' -%}
        {%- set read_at = exactly_once._ledger_head(exactly_once._ledger()).entry_number -%}
        {%- set before = last.digests.get('source', {}) -%}
        {%- set after = exactly_once._source_state(exactly_once._hours_touched(incident_id, [])) -%}
        {#- it may have been decided again in between, so that other hours were touched -#}
        {%- do exactly_once._end_raw_step(
            step, incident_id, {'copies': 0, 'slices': 0, 'in_quarantine': in_quarantine},
            before if before.slices == after.slices and before.quarantined is number else after, after, read_at
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _begin_raw_step(step, incident_id, arguments, hours) %}
    {#-
        Gives what the source holds, and the number of the entry. Another raw verb, or a rollback, that came while it was
        read has changed what this one found.
    -#}
    {%- set read_at = exactly_once._ledger_head(exactly_once._ledger()).entry_number -%}
    {%- set before = exactly_once._source_state(hours) -%}
    {%- set entry_number = exactly_once._append_to_ledger(
        step, 'begun', incident_id, arguments, {}, exactly_once._raw_digests(incident_id, before), read_at
    ) -%}
    {%- if entry_number is none -%}{%- do exactly_once._refuse_crossing_step(incident_id, 'Nothing was changed.') -%}{%- endif -%}
    {{- return({'source': before, 'entry_number': entry_number}) -}}
{% endmacro %}


{% macro _refuse_crossing_step(incident_id, done) %}
    {%- do exactly_once._refuse(
        'incident ' ~ incident_id, 'another raw_quarantine or raw_restore of it, or a rollback, at the same time', 'one at a time',
        done ~ ' Wait until the other has ended or stopped, then go on from what this says: '
        ~ exactly_once._verb_command('remediation_status', incident_id)
    ) -%}
{% endmacro %}


{% macro _end_raw_step(step, incident_id, counts, before, after, read_at) %}
    {#- Rows may have arrived meanwhile; none may be missing, in the source and the quarantine. The ledger has it for good. -#}
    {%- set arrived = after.rows + after.quarantined - before.rows - before.quarantined -%}
    {%- set counts = dict(counts, missing=-arrived) if arrived < 0 else counts -%}
    {%- if exactly_once._append_to_ledger(
        step, 'ended', incident_id, {}, counts, exactly_once._raw_digests(incident_id, after), read_at
    ) is none -%}
        {%- do exactly_once._refuse_crossing_step(incident_id, 'Every slice is done, and its end is not in the ledger.') -%}
    {%- endif -%}
    {%- if arrived < 0 -%}
        {%- do exactly_once._refuse(
            'the slices of ' ~ step, before.rows ~ ' rows and ' ~ before.quarantined ~ ' in quarantine before, ' ~ after.rows
            ~ ' and ' ~ after.quarantined ~ ' after', 'no fewer rows after than before, with those in quarantine',
            'Somebody else removed rows meanwhile: find out who. The step is done; what it moved is in quarantined_events, and'
            ~ ' the ledger has how many rows are missing.'
        ) -%}
    {%- elif arrived > 0 -%}
        {%- do log('  ' ~ exactly_once._with_commas(arrived) ~ ' rows arrived in these slices meanwhile; they are in the source', info=true) -%}
    {%- endif -%}
{% endmacro %}


{% macro _utc_stamp() %}
    {#- The time now by the warehouse's clock, as a literal: one for all the statements of a transaction. -#}
    {{- return(exactly_once.timestamp_literal(exactly_once.time_from_micros(
        run_query('select ' ~ exactly_once.epoch_micros(exactly_once._utc_now()) ~ ' as micros').rows[0][0]
    ))) -}}
{% endmacro %}


{% macro _begin_slice() %}
    {#-
        Begins a transaction that nothing but run_query may use: dbt's own look at columns would begin another.
        https://docs.snowflake.com/en/sql-reference/transactions
    -#}
    {%- do exactly_once._commit_what_is_open() -%}
    {%- do run_query('begin transaction') -%}
{% endmacro %}


{% macro _commit_slice(incident_id, entry_number) %}
    {#-
        Undone where another raw verb, or a rollback, has begun since this one: the ledger says what that one found and left,
        and this slice would change it behind its back. One that begins between the look and the commit has read of before the slice: then two
        entries of a beginning differ, which ledger_verify notes.
    -#}
    {%- set is_crossed = exactly_once._crossing_entries_after(incident_id, entry_number) > 0 -%}
    {%- do run_query('rollback' if is_crossed else 'commit') -%}
    {%- if is_crossed -%}{%- do exactly_once._refuse_crossed_slice(incident_id) -%}{%- endif -%}
{% endmacro %}


{% macro _undo_slice(incident_id, entry_number, found) %}
    {#- For what was found to be tried again, unless another step is why. -#}
    {%- do run_query('rollback') -%}
    {%- if exactly_once._crossing_entries_after(incident_id, entry_number) -%}{%- do exactly_once._refuse_crossed_slice(incident_id) -%}{%- endif -%}
    {%- do log('    undone: ' ~ found ~ '; once more', info=true) -%}
{% endmacro %}


{% macro _refuse_crossed_slice(incident_id) %}
    {%- do exactly_once._refuse_crossing_step(incident_id, 'The slices before this one are done, and this one is undone.') -%}
{% endmacro %}


{% macro _rows_written(statement) %}
    {#- Both engines answer a statement that writes with the number of rows. -#}
    {{- return(run_query(statement).rows[0][0] | int) -}}
{% endmacro %}
