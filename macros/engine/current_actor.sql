{% macro current_actor() %}
    {#-
        Who runs this, as the warehouse knows him, in the case that it keeps. DuckDB knows nobody: there it is
        EXACTLY_ONCE_ACTOR, else the operating system's user, else `unknown`. On Snowflake EXACTLY_ONCE_ACTOR is added,
        as in `DBT for alice`: a scheduler's user says nothing of who started it.
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
    {{- return(exactly_once._actors() | join(' for ')) -}}
{% endmacro %}


{% macro _actors() %}
    {#- The names of who runs this: none of them may be the approver's. -#}
    {{- return(adapter.dispatch('_actors', 'exactly_once')()) -}}
{% endmacro %}


{% macro default___actors() %}
    {{- return([exactly_once.current_actor()]) -}}
{% endmacro %}


{% macro snowflake___actors() %}
    {%- set user = exactly_once._ask('select current_user()').rows[0][0] -%}
    {%- set person = env_var('EXACTLY_ONCE_ACTOR', '') | trim -%}
    {{- return([user, person] if person and person | lower != user | lower else [user]) -}}
{% endmacro %}
