{% macro _begin_step(step, incident_id, arguments={}, digests={}) %}
    {#- Writes that a step begins, before it changes anything; `digests` are of what it is about to change. -#}
    {%- do exactly_once._append_to_ledger(step, 'begun', incident_id, arguments, {}, digests) -%}
{% endmacro %}


{% macro _end_step(step, incident_id, counts={}, digests={}, arguments={}) %}
    {#- Writes that a step is done; `digests` are of what it has changed. -#}
    {%- do exactly_once._append_to_ledger(step, 'ended', incident_id, arguments, counts, digests) -%}
{% endmacro %}


{% macro _last_entry(step, incident_id, phase=none) %}
    {#- The last entry of a step for an incident, of one phase or of any, as a mapping, or none. -#}
    {%- set found = run_query(
        'select phase, actor, counts, digests, invocation_id, entry_number from '
        ~ exactly_once._ledger() ~ ' where step = ' ~ exactly_once.text_literal(step)
        ~ ' and incident_id = ' ~ exactly_once.text_literal(incident_id)
        ~ (' and phase = ' ~ exactly_once.text_literal(phase) if phase else '')
        ~ ' order by entry_number desc limit 1'
    ).rows -%}
    {%- if not found -%}{{- return(none) -}}{%- endif -%}
    {%- set found_phase, actor, counts, digests, invocation, number = found[0].values() -%}
    {{- return({
        'phase': found_phase, 'actor': actor, 'counts': fromjson(counts, {}), 'digests': fromjson(digests, {}),
        'invocation_id': invocation, 'entry_number': number | int
    }) -}}
{% endmacro %}


{% macro _ledger() %}
    {#- The ledger, which has to be there before a verb changes anything. -#}
    {%- set ledger = exactly_once.model_relation('remediation_ledger') -%}
    {%- if not exactly_once._is_there(ledger) -%}
        {%- do exactly_once._refuse(
            'the ledger ' ~ ledger, 'none', 'the model remediation_ledger, built',
            'Run: dbt build --select remediation_ledger'
        ) -%}
    {%- endif -%}
    {{- return(ledger) -}}
{% endmacro %}


{% macro _append_to_ledger(step, phase, incident_id, arguments, counts, digests) %}
    {%- set ledger = exactly_once._ledger() -%}
    {%- set given = {
        'incident_id': incident_id,
        'step': step,
        'phase': phase,
        'actor': exactly_once.current_actor(),
        'arguments': tojson(arguments, sort_keys=true),
        'counts': tojson(counts, sort_keys=true),
        'digests': tojson(digests, sort_keys=true),
        'package_version': exactly_once._package_version(),
        'project_commit': exactly_once.settings().project_commit,
        'rule_version': exactly_once.decision_rule_version(),
        'invocation_id': invocation_id
    } -%}
    {#- a step of somebody else may have taken the number meanwhile: then the next one -#}
    {%- for attempt in range(5) -%}
        {%- set last = run_query(
            'select entry_number, entry_hash from ' ~ ledger ~ ' order by entry_number desc limit 1'
        ).rows -%}
        {%- set number = last[0][0] | int + 1 if last else 1 -%}
        {%- do run_query(exactly_once._ledger_merge(ledger, number, given, last[0][1] if last else '')) -%}
        {%- set written = run_query(
            'select invocation_id, step, phase, entry_hash from ' ~ ledger ~ ' where entry_number = ' ~ number
        ).rows[0].values() | list -%}
        {%- if written[:3] == [invocation_id, step, phase] -%}
            {#- also kept outside the rows, so that a last entry that is taken away is missed -#}
            {%- do exactly_once._comment_on_table(
                ledger, tojson({'app': 'exactly_once', 'entry_number': number, 'entry_hash': written[3]})
            ) -%}
            {%- if flags.WHICH == 'run-operation' -%}{%- do adapter.dispatch('_commit', 'exactly_once')() -%}{%- endif -%}
            {%- do log('  ledger entry ' ~ number ~ ' (' ~ step ~ ' ' ~ phase ~ '): ' ~ written[3], info=phase == 'ended') -%}
            {{- return(none) -}}
        {%- endif -%}
    {%- endfor -%}
    {%- do exactly_once._refuse(
        'the ledger ' ~ ledger, 'other steps that write to it all the time', 'one remediation at a time',
        'Wait until the other step is done, and run the command again.'
    ) -%}
{% endmacro %}


{#- MERGE, not INSERT: two of them wait for each other, and the second finds the number taken. -#}
{#- https://docs.snowflake.com/en/sql-reference/transactions#resource-locking -#}
{% macro _ledger_merge(ledger, number, given, previous_hash) %}
    {%- set columns = exactly_once.ledger_columns() -%}
    merge into {{ ledger }} as ledger
    using (
        select
            entry.*,
            {{ exactly_once._entry_hash('entry') }} as entry_hash
        from (
            select
                cast({{ number }} as bigint) as entry_number,
                {{ exactly_once._utc_now() }} as recorded_at,
                {% for name, value in given.items() -%}
                {{ 'cast(null as varchar)' if value is none else exactly_once.text_literal(value) }} as {{ name }},
                {% endfor -%}
                {{ exactly_once.text_literal(previous_hash) }} as previous_hash
        ) as entry
    ) as entry
    on ledger.entry_number = entry.entry_number
    when not matched then insert ({{ columns.keys() | join(', ') }})
    values (entry.{{ columns.keys() | join(', entry.') }})
{% endmacro %}


{% macro default___commit() %}
{% endmacro %}


{#- dbt may have begun a transaction for a query of its own; in a hook it is the model's, and stays open. -#}
{% macro duckdb___commit() %}
    {%- call statement('begun_if_need_be', auto_begin=true) -%} select 1 {%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}


{% macro _entry_hash(alias) %}
    {#- SHA-256 over every other column, each in its one text and with its length, the hash before among them. -#}
    {%- set parts = [] -%}
    {%- for name, type in exactly_once.ledger_columns().items() if name != 'entry_hash' -%}
        {%- do parts.append(exactly_once.encoded_part(exactly_once.canonical_text(alias ~ '.' ~ name, type))) -%}
    {%- endfor -%}
    {{- return(exactly_once.sha256_text(parts | join(' || '))) -}}
{% endmacro %}


{% macro _utc_now() %}
    {{- return(adapter.dispatch('_utc_now', 'exactly_once')()) -}}
{% endmacro %}


{% macro default___utc_now() %}
    {%- do exactly_once._refuse_engine('_utc_now') -%}
{% endmacro %}


{% macro duckdb___utc_now() %}
    {{- return("timezone('UTC', now())") -}}
{% endmacro %}


{% macro snowflake___utc_now() %}
    {{- return("cast(convert_timezone('UTC', current_timestamp()) as timestamp_ntz(6))") -}}
{% endmacro %}


{% macro _comment_on_table(table, comment) %}
    {%- do run_query('comment on table ' ~ table ~ ' is ' ~ exactly_once.text_literal(comment)) -%}
{% endmacro %}


{% macro _comment_on(table) %}
    {#- The comment of a table, '' where it has none. -#}
    {{- return(adapter.dispatch('_comment_on', 'exactly_once')(table)) -}}
{% endmacro %}


{% macro duckdb___comment_on(table) %}
    {{- return(exactly_once._comment_of(table)) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/info-schema/tables -#}
{% macro snowflake___comment_on(table) %}
    {%- set found = run_query(
        'select comment from ' ~ table.information_schema() ~ '.tables where table_schema = '
        ~ exactly_once.text_literal(exactly_once._stored_name(table.schema, table.quote_policy.schema))
        ~ ' and table_name = ' ~ exactly_once.text_literal(exactly_once._stored_name(table.identifier, table.quote_policy.identifier))
    ).rows -%}
    {{- return((found[0][0] or '') if found else '') -}}
{% endmacro %}


{% macro _package_version() %}
    {#- As in dbt_project.yml, which macros can't read. -#}
    {{- return('0.1.0') -}}
{% endmacro %}
