{% macro remediation_rollback(incident_id) %}
    {#-
        Run-operation. Makes the tables that a swap replaced live again, in one step, and keeps the repaired ones
        as <schema>__withdrawn_<incident> or <table>__withdrawn_<incident>. Each table carries its own watermark,
        so the next regular run takes in what has arrived since the swap. Run again, it finishes what is left, or
        does nothing.
    -#}
    {%- do exactly_once.check_session() -%}
    {%- do exactly_once.tag_queries('remediation_rollback', incident_id) -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- do exactly_once._check_unfinished(tables, incident_id, 'remediation_rollback') -%}
    {%- set state = exactly_once._remediation_state(tables, incident_id) -%}
    {%- if state == 'rolled_back' -%}
        {%- do log('Incident ' ~ incident_id ~ ' is rolled back already; nothing to do.', info=true) -%}
        {{- return(none) -}}
    {%- elif state == 'swapping' -%}
        {%- do adapter.dispatch('_finish_swap', 'exactly_once')(tables, incident_id) -%}
    {%- elif state not in ('swapped', 'rolling_back') -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'no tables that a swap replaced', 'an incident that has been swapped',
            'There is nothing to roll back: live was not changed.'
        ) -%}
    {%- endif -%}
    {%- if state != 'rolling_back' -%}{%- do exactly_once._check_last_swap(tables[0], incident_id) -%}{%- endif -%}
    {%- do log('Rolling back ' ~ tables | length ~ ' curated tables for incident ' ~ incident_id, info=true) -%}
    {%- if state != 'rolling_back' -%}
        {%- do adapter.dispatch('_roll_back_tables', 'exactly_once')(tables) -%}
    {%- endif -%}
    {%- do adapter.dispatch('_finish_rollback', 'exactly_once')(tables, incident_id) -%}
    {%- for table in tables -%}
        {%- do log('  ' ~ table.live ~ ' is as before the swap; the repaired table is kept as ' ~ table.withdrawn, info=true) -%}
    {%- endfor -%}
    {%- do log('Next: dbt build --selector fifteen_minute, which takes in what has arrived since the swap', info=true) -%}
{% endmacro %}


{% macro _check_last_swap(table, incident_id) %}
    {#- To go back before an earlier swap would undo the later ones too, without saying so. -#}
    {%- set swaps = {} -%}
    {%- for comment in adapter.dispatch('_replaced_comments', 'exactly_once')(table.live) -%}
        {%- set marker = exactly_once._parsed_marker(comment) or {} -%}
        {%- if marker.replaced_for -%}{%- do swaps.update({marker.replaced_for: marker.cloned_at}) -%}{%- endif -%}
    {%- endfor -%}
    {%- for other, cloned_at in swaps.items() if cloned_at > swaps[incident_id] -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'a later swap, for incident ' ~ other, 'the last swap',
            "Roll that one back first: dbt run-operation remediation_rollback --args '{incident_id: " ~ other ~ "}'"
        ) -%}
    {%- endfor -%}
{% endmacro %}


{% macro duckdb___replaced_comments(live) %}
    {{- return(run_query(
        'select comment from duckdb_tables() where database_name = ' ~ exactly_once.text_literal(live.database)
        ~ ' and schema_name = ' ~ exactly_once.text_literal(live.schema)
        ~ ' and starts_with(table_name, ' ~ exactly_once.text_literal(live.identifier ~ '__replaced_') ~ ')'
    ).columns[0].values()) -}}
{% endmacro %}


{% macro snowflake___replaced_comments(live) %}
    {{- return(run_query(
        'select comment from ' ~ live.information_schema() ~ '.schemata where startswith(schema_name, '
        ~ exactly_once.text_literal(
            exactly_once._stored_name(live.schema, live.quote_policy.schema)
            ~ exactly_once._stored_name('__replaced_', live.quote_policy.schema)
        ) ~ ')'
    ).columns[0].values()) -}}
{% endmacro %}


{% macro default___roll_back_tables(tables) %}
    {%- do exactly_once._refuse_engine('remediation_rollback') -%}
{% endmacro %}


{% macro duckdb___roll_back_tables(tables) %}
    {%- set statements = [] -%}
    {%- for table in tables -%}
        {#- what an earlier rollback withdrew can be made again by a repair -#}
        {%- do statements.append('drop table if exists ' ~ table.withdrawn) -%}
        {%- do statements.extend(exactly_once._forgotten(table.withdrawn)) -%}
        {%- do statements.extend(exactly_once._renamed(table.live, table.withdrawn)) -%}
        {%- do statements.extend(exactly_once._renamed(table.replaced, table.live)) -%}
        {%- do statements.append('comment on table ' ~ table.live ~ ' is null') -%}
    {%- endfor -%}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}


{% macro snowflake___roll_back_tables(tables) %}
    {%- do run_query('drop schema if exists ' ~ tables[0].withdrawn.include(identifier=false)) -%}
    {%- do run_query(
        'alter schema ' ~ tables[0].live.include(identifier=false)
        ~ ' swap with ' ~ tables[0].replaced.include(identifier=false)
    ) -%}
{% endmacro %}


{% macro default___finish_rollback(tables, incident_id) %}
{% endmacro %}


{% macro snowflake___finish_rollback(tables, incident_id) %}
    {%- set live, replaced, withdrawn = tables[0].live, tables[0].replaced, tables[0].withdrawn -%}
    {%- set marker = exactly_once.candidate_marker(live) -%}
    {%- if exactly_once._comment_of(withdrawn) is none -%}
        {%- do exactly_once._rename_schema(replaced, withdrawn) -%}
    {%- endif -%}
    {%- do exactly_once._comment_on_schema(withdrawn, tojson({'app': 'exactly_once', 'withdrawn_for': incident_id})) -%}
    {#- last: while live bears the marker, the rollback is not finished -#}
    {%- do exactly_once._comment_on_schema(live, marker.comment_of_live) -%}
{% endmacro %}


{% macro _forgotten(relation) %}
    {{- return([
        'delete from ' ~ exactly_once.model_relation('incremental_watermarks') ~ ' where relation_name = '
        ~ exactly_once.text_literal(exactly_once._watermark_key(relation))
    ]) -}}
{% endmacro %}
