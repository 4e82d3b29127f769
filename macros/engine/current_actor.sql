{% macro current_actor() %}
    {#-
        Who runs this, as the warehouse knows him, in the case that it keeps. DuckDB knows nobody: there it is
        EXACTLY_ONCE_ACTOR, else the operating system's user, else `unknown`.
    -#}
    {{- return(adapter.dispatch('current_actor', 'exactly_once')()) -}}
{% endmacro %}


{% macro default__current_actor() %}
    {%- do exactly_once._refuse_engine('current_actor') -%}
{% endmacro %}


{% macro duckdb__current_actor() %}
    {#- a variable that is empty, as in some containers, names nobody -#}
    {%- set names = [env_var('EXACTLY_ONCE_ACTOR', ''), env_var('USER', ''), env_var('LOGNAME', ''), env_var('USERNAME', '')] -%}
    {{- return(names | map('trim') | select | first | default('unknown', true)) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/current_user -#}
{% macro snowflake__current_actor() %}
    {{- return(run_query('select current_user()').rows[0][0]) -}}
{% endmacro %}
