{% macro _ask(sql) %}
    {#-
        run_query for what a node asks while it is compiled, or in a hook of the run, where no model has tagged the session
        yet. In a verb, and where the session is tagged, it is run_query.
    -#}
    {{- return(adapter.dispatch('_ask', 'exactly_once')(sql)) -}}
{% endmacro %}


{% macro default___ask(sql) %}
    {{- return(run_query(sql)) -}}
{% endmacro %}


{% macro snowflake___ask(sql) %}
    {%- if not (model is defined and model) or exactly_once._known('is_tagged ' ~ model.unique_id) -%}
        {{- return(run_query(sql)) -}}
    {%- endif -%}
    {%- do exactly_once.tag_queries(model.name) -%}
    {%- set found = run_query(sql) -%}
    {%- do exactly_once._untag_queries() -%}
    {{- return(found) -}}
{% endmacro %}
