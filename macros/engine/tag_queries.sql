{% macro tag_queries(step, incident_id=none) %}
    {#-
        Marks the statements that follow in this session with what they are for, where the engine keeps a history
        of queries: {app, step, incident_id, invocation_id} as the query tag. Nothing elsewhere.
    -#}
    {%- if execute -%}{%- do adapter.dispatch('tag_queries', 'exactly_once')(step, incident_id) -%}{%- endif -%}
{% endmacro %}


{% macro default__tag_queries(step, incident_id) %}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/parameters#query-tag -#}
{% macro snowflake__tag_queries(step, incident_id) %}
    {%- set tag = {
        'app': 'exactly_once',
        'step': step,
        'incident_id': incident_id or exactly_once.settings().incident_id,
        'invocation_id': invocation_id
    } -%}
    {%- do run_query('alter session set query_tag = ' ~ exactly_once.text_literal(tojson(tag))) -%}
{% endmacro %}
