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
    {{- return(exactly_once._entries(
        step, incident_id, ('phase = ' ~ exactly_once.text_literal(phase) if phase else 'true')
        ~ ' order by entry_number desc nulls last limit 1'
    ) | first | default(none)) -}}
{% endmacro %}


{% macro _entries_after(step, incident_id, entry_number) %}
    {#- The entries of a step for an incident behind another entry, in their order. -#}
    {{- return(exactly_once._entries(step, incident_id, 'entry_number > ' ~ entry_number ~ ' order by entry_number')) -}}
{% endmacro %}


{% macro _entries(step, incident_id, which) %}
    {%- set entries = [] -%}
    {%- for row in run_query(
        'select phase, actor, arguments, counts, digests, invocation_id, entry_number from '
        ~ exactly_once._ledger() ~ ' where step = ' ~ exactly_once.text_literal(step)
        ~ ' and incident_id = ' ~ exactly_once.text_literal(incident_id) ~ ' and ' ~ which
    ).rows -%}
        {%- set phase, actor, arguments, counts, digests, invocation, number = row.values() -%}
        {%- do entries.append({
            'phase': phase, 'actor': actor, 'arguments': exactly_once._mapping(arguments),
            'counts': exactly_once._mapping(counts), 'digests': exactly_once._mapping(digests),
            'invocation_id': invocation, 'entry_number': number | int
        }) -%}
    {%- endfor -%}
    {{- return(entries) -}}
{% endmacro %}


{% macro _mapping(text) %}
    {#- A JSON object as a mapping; empty where the text is none, for a ledger may have been changed by hand. -#}
    {%- set found = fromjson(text, {}) if text is string else {} -%}
    {{- return(found if found is mapping else {}) -}}
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


{% macro _append_to_ledger(step, phase, incident_id, arguments, counts, digests, read_at=none) %}
    {#-
        Writes an entry, and gives its number. With `read_at`, the number of an entry, it writes and gives nothing if another
        step has come behind that one which raw verbs give way to: what the digests say may be of before it.
    -#}
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
        {%- set head = exactly_once._ledger_head(ledger) -%}
        {%- if read_at is not none and head.entry_number > read_at and exactly_once._crossing_entries_after(incident_id, read_at) -%}
            {{- return(none) -}}
        {%- endif -%}
        {%- set number = head.entry_number + 1 -%}
        {%- do run_query(exactly_once._ledger_merge(ledger, number, given, head.entry_hash)) -%}
        {%- set written = run_query(
            'select invocation_id, step, phase, entry_hash from ' ~ ledger ~ ' where entry_number = ' ~ number
        ).rows -%}
        {%- if written | length != 1 -%}
            {%- do exactly_once._refuse(
                'the ledger ' ~ ledger, written | length ~ ' entries ' ~ number, 'one',
                'Let one remediation write at a time. ledger_verify names what does not follow.'
            ) -%}
        {%- endif -%}
        {%- if written[0].values()[:3] == (invocation_id, step, phase) -%}
            {%- do exactly_once._note_head(ledger, number, written[0][3]) -%}
            {#- there before the step goes on, and after it fails; in a hook it stays with the model -#}
            {%- if flags.WHICH == 'run-operation' -%}{%- do exactly_once._commit_what_is_open() -%}{%- endif -%}
            {%- do log(
                '  ledger entry ' ~ number ~ ' (' ~ step ~ ' ' ~ phase ~ '): ' ~ written[0][3], info=phase == 'ended'
            ) -%}
            {{- return(number) -}}
        {%- endif -%}
    {%- endfor -%}
    {%- do exactly_once._refuse(
        'the ledger ' ~ ledger, 'other steps that write to it all the time', 'one remediation at a time',
        'Wait until the other step is done, and run the command again.'
    ) -%}
{% endmacro %}


{% macro _crossing_entries_after(incident_id, entry_number) %}
    {#-
        How many entries of raw verbs and of rollbacks an incident has behind another one: a rollback asks for a source that
        holds every copy. Asked in the transaction of a slice too, where nothing but run_query may: so not by _entries, which
        looks the ledger up.
    -#}
    {{- return(run_query(
        'select count(*) from ' ~ exactly_once.model_relation('remediation_ledger')
        ~ " where step in ('raw_quarantine', 'raw_restore', 'remediation_rollback') and incident_id = "
        ~ exactly_once.text_literal(incident_id)
        ~ ' and entry_number > ' ~ entry_number
    ).rows[0][0] | int) -}}
{% endmacro %}


{% macro _ledger_head(ledger) %}
    {#-
        Number and hash of the last entry. Where the comment knows of a later one than the rows, that one: so the
        chain goes on behind a gap, which shows that entries were taken away.
    -#}
    {%- set noted = exactly_once._noted_head(ledger) -%}
    {%- set last = exactly_once._last_row(ledger) -%}
    {{- return(noted if noted and noted.entry_number >= last.entry_number else last) -}}
{% endmacro %}


{% macro _last_row(ledger) %}
    {%- set found = run_query(
        'select entry_number, entry_hash from ' ~ ledger
        ~ ' where entry_number is not null order by entry_number desc limit 1'
    ).rows -%}
    {{- return({
        'entry_number': found[0][0] | int if found else 0, 'entry_hash': (found[0][1] or '') if found else ''
    }) -}}
{% endmacro %}


{% macro _noted_head(ledger) %}
    {#- The last entry by the comment of the table, or none. -#}
    {%- set noted = exactly_once._parsed_marker(exactly_once._comment_on(ledger)) -%}
    {{- return(
        {'entry_number': noted.entry_number | int, 'entry_hash': noted.entry_hash ~ ''} if noted else none
    ) -}}
{% endmacro %}


{% macro _note_head(ledger, number, hash) %}
    {#-
        Keeps the last entry in the comment of the table too, so that a last row that is taken away is missed. Looks
        once more after it: somebody else may have written, and noted, a later one meanwhile.
    -#}
    {%- set head = namespace(number=number, hash=hash) -%}
    {%- for attempt in range(5) -%}
        {%- do run_query('comment on table ' ~ ledger ~ ' is ' ~ exactly_once.text_literal(tojson(
            {'app': 'exactly_once', 'entry_number': head.number, 'entry_hash': head.hash}
        ))) -%}
        {%- set last = exactly_once._last_row(ledger) -%}
        {%- if last.entry_number <= head.number -%}{{- return(none) -}}{%- endif -%}
        {%- set head.number = last.entry_number -%}
        {%- set head.hash = last.entry_hash -%}
    {%- endfor -%}
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


{% macro _comment_on(table) %}
    {#- The comment of a table, '' where it has none. -#}
    {{- return(adapter.dispatch('_comment_on', 'exactly_once')(table)) -}}
{% endmacro %}


{% macro duckdb___comment_on(table) %}
    {{- return(exactly_once._comment_of(table)) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/info-schema/tables -#}
{% macro snowflake___comment_on(table) %}
    {%- set found = exactly_once._ask(
        'select comment from ' ~ table.information_schema() ~ '.tables where table_schema = '
        ~ exactly_once.text_literal(exactly_once._stored_name(table.schema, table.quote_policy.schema))
        ~ ' and table_name = '
        ~ exactly_once.text_literal(exactly_once._stored_name(table.identifier, table.quote_policy.identifier))
    ).rows -%}
    {{- return((found[0][0] or '') if found else '') -}}
{% endmacro %}


{% macro _package_version() %}
    {#- As in dbt_project.yml, which macros can't read. -#}
    {{- return('0.1.0') -}}
{% endmacro %}
