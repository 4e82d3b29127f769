{% macro remediation_swap(incident_id) %}
    {#-
        Run-operation. Validates the candidates once more and makes them live in one step, whose time doesn't grow
        with the data: on Snowflake one swap of two schemas, on DuckDB one transaction of renames. The old tables
        are kept, in <schema>__replaced_<incident> or as <table>__replaced_<incident>. Run again, it finishes what
        is left, or does nothing.
    -#}
    {%- do exactly_once.check_session() -%}
    {%- do exactly_once.tag_queries('remediation_swap', incident_id) -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- do exactly_once._check_unfinished(tables, incident_id, 'remediation_swap') -%}
    {%- set state = exactly_once._remediation_state(tables, incident_id) -%}
    {%- if state == 'swapped' -%}
        {%- do log('Incident ' ~ incident_id ~ ' is swapped already; nothing to do.', info=true) -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- if state == 'swapping' -%}
        {%- do log('The swap for incident ' ~ incident_id ~ ' stopped half way; finishing it', info=true) -%}
    {%- else -%}
        {%- set watermarks = exactly_once._live_watermarks(tables) -%}
        {%- do exactly_once.remediation_validate(incident_id) -%}
        {%- do log('Swapping ' ~ tables | length ~ ' curated tables for incident ' ~ incident_id, info=true) -%}
        {#- last, since a regular run may have ended while the checks ran -#}
        {%- do exactly_once._check_curated_only(tables) -%}
        {%- do exactly_once._check_not_overtaken(tables, watermarks) -%}
        {%- do adapter.dispatch('_swap_tables', 'exactly_once')(tables, incident_id) -%}
    {%- endif -%}
    {%- do adapter.dispatch('_finish_swap', 'exactly_once')(tables, incident_id) -%}
    {%- for table in tables -%}
        {%- do log('  ' ~ table.live ~ ' is repaired; the old table is kept as ' ~ table.replaced, info=true) -%}
    {%- endfor -%}
{% endmacro %}


{% macro default___swap_tables(tables, incident_id) %}
    {%- do exactly_once._refuse_engine('remediation_swap') -%}
{% endmacro %}


{% macro duckdb___swap_tables(tables, incident_id) %}
    {%- set statements = [] -%}
    {%- for table in tables -%}
        {%- do statements.extend(exactly_once._renamed(table.live, table.replaced)) -%}
        {%- do statements.append(
            'comment on table ' ~ table.replaced ~ ' is '
            ~ exactly_once.text_literal(tojson(exactly_once._replaced_marker(incident_id, exactly_once.candidate_marker(table.candidate))))
        ) -%}
        {%- do statements.extend(exactly_once._renamed(table.candidate, table.live)) -%}
    {%- endfor -%}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/alter-schema -#}
{% macro snowflake___swap_tables(tables, incident_id) %}
    {%- do run_query(
        'alter schema ' ~ tables[0].live.include(identifier=false)
        ~ ' swap with ' ~ tables[0].candidate.include(identifier=false)
    ) -%}
{% endmacro %}


{% macro default___finish_swap(tables, incident_id) %}
{% endmacro %}


{#- Live holds the repaired tables already; what is left is to name the old ones for what they are. -#}
{% macro snowflake___finish_swap(tables, incident_id) %}
    {%- set live, candidate, replaced = tables[0].live, tables[0].candidate, tables[0].replaced -%}
    {%- set marker = exactly_once.candidate_marker(live) -%}
    {%- if exactly_once._comment_of(replaced) is none -%}
        {%- do exactly_once._rename_schema(candidate, replaced) -%}
    {%- elif exactly_once._comment_of(candidate) is not none -%}
        {%- do exactly_once._refuse(
            'schemas ' ~ candidate.schema ~ ' and ' ~ replaced.schema, 'both', 'one of them, with the tables before the swap',
            'One was made by hand. Find out which holds the old tables, and rename the other.'
        ) -%}
    {%- endif -%}
    {%- do exactly_once._comment_on_schema(
        replaced, tojson(dict(
            exactly_once._replaced_marker(incident_id, marker), comment_of_live=marker.comment_of_live
        ))
    ) -%}
    {#- last: while live bears the marker, the swap is not finished -#}
    {%- do exactly_once._comment_on_schema(live, marker.comment_of_live) -%}
{% endmacro %}


{% macro _replaced_marker(incident_id, marker) %}
    {#- There is one candidate at a time, so that swaps have the order of their clones. -#}
    {{- return({'app': 'exactly_once', 'replaced_for': incident_id, 'cloned_at': marker.cloned_at}) -}}
{% endmacro %}


{% macro _live_watermarks(tables) %}
    {%- set watermarks = [] -%}
    {%- for table in tables -%}{%- do watermarks.append(exactly_once.recorded_watermark(table.live)) -%}{%- endfor -%}
    {{- return(watermarks) -}}
{% endmacro %}


{% macro _check_not_overtaken(tables, watermarks_before) %}
    {%- set watermarks = exactly_once._live_watermarks(tables) -%}
    {%- if watermarks != watermarks_before -%}
        {%- do exactly_once._refuse(
            'live', 'events up to ' ~ watermarks | join(', ') ~ ', at the beginning of the checks up to '
            ~ watermarks_before | join(', '), 'no regular run while the candidates are checked and swapped',
            'Build the candidates again (dbt build --selector remediation), and swap between two regular runs.'
        ) -%}
    {%- endif -%}
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


{% macro _rename_schema(old, new) %}
    {%- do run_query(
        'alter schema ' ~ old.include(identifier=false) ~ ' rename to ' ~ new.include(identifier=false)
    ) -%}
{% endmacro %}


{% macro _comment_on_schema(relation, comment) %}
    {%- do run_query(
        'comment on schema ' ~ relation.include(identifier=false) ~ ' is ' ~ exactly_once.text_literal(comment or '')
    ) -%}
{% endmacro %}
