{% macro candidate_marker(relation) %}
    {#-
        What the clone wrote on a table about itself, or none: {incident_id, cloned_watermark}. It is
        the table's comment, so it stays with the table through renames and tells the state after a crash.
    -#}
    {{- return(adapter.dispatch('candidate_marker', 'exactly_once')(relation)) -}}
{% endmacro %}


{% macro default__candidate_marker(relation) %}
    {%- do exactly_once._refuse_verb() -%}
{% endmacro %}


{% macro duckdb__candidate_marker(relation) %}
    {%- set found = run_query(
        'select comment from duckdb_tables() where database_name = ' ~ exactly_once.text_literal(relation.database)
        ~ ' and schema_name = ' ~ exactly_once.text_literal(relation.schema)
        ~ ' and table_name = ' ~ exactly_once.text_literal(relation.identifier)
    ).rows -%}
    {{- return(fromjson(found[0][0]) if found and found[0][0] else none) -}}
{% endmacro %}


{% macro _refuse_verb() %}
    {%- do exactly_once._refuse(
        'the remediation verbs', 'adapter ' ~ target.type, 'duckdb',
        'This version repairs curated tables on DuckDB only; detection and deduplication run on Snowflake too.'
    ) -%}
{% endmacro %}
