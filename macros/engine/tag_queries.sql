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
    {%- do exactly_once._roll_back_what_failed() -%}
    {%- set settings = exactly_once.settings() -%}
    {%- set tag = {
        'app': 'exactly_once',
        'step': step,
        'incident_id': incident_id or settings.incident_id or settings.build_replaced or exactly_once._known('repaired_incident'),
        'invocation_id': invocation_id
    } -%}
    {%- do run_query('alter session set query_tag = ' ~ exactly_once.text_literal(tojson(tag))) -%}
    {%- do exactly_once._note_tag(true) -%}
{% endmacro %}


{% macro _untag_queries() %}
    {#- As the session began: the threads of dbt share sessions among nodes, and not all of them are this package's. -#}
    {%- if execute -%}{%- do adapter.dispatch('_untag_queries', 'exactly_once')() -%}{%- endif -%}
{% endmacro %}


{% macro default___untag_queries() %}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/alter-session -#}
{% macro snowflake___untag_queries() %}
    {%- do run_query('alter session ' ~ (
        'set query_tag = ' ~ exactly_once.text_literal(target.query_tag) if target.query_tag else 'unset query_tag'
    )) -%}
    {%- do exactly_once._note_tag(false) -%}
{% endmacro %}


{% macro _note_tag(is_tagged) %}
    {%- if model is defined and model -%}{%- do exactly_once._remember('is_tagged ' ~ model.unique_id, is_tagged) -%}{%- endif -%}
{% endmacro %}
