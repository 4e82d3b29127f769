{% macro canonical_payload(text_sql) %}
    {#-
        The one text of a payload's text: equal for payloads that say the same. One that is no JSON, or that the engine
        would read as another value, stays as it is.
    -#}
    {{- return(adapter.dispatch('canonical_payload', 'exactly_once')(text_sql)) -}}
{% endmacro %}


{% macro default__canonical_payload(text_sql) %}
    {%- do exactly_once._refuse_engine('canonical_payload') -%}
{% endmacro %}


{#- A VARIANT, which sorts keys, rounds a long whole number too. -#}
{% macro duckdb__canonical_payload(text_sql) %}
    {%- set has_long_number = 'regexp_matches(' ~ text_sql ~ ", '[:,\\[]\\s*-?[0-9]{16}')" -%}
    {{- return(
        'case when json_valid(' ~ text_sql ~ ') and not ' ~ exactly_once._is_read_loosely(text_sql) ~ ' and not '
        ~ has_long_number ~ ' then ' ~ exactly_once.canonical_text('cast(' ~ text_sql ~ ' as json)', 'json') ~ ' else ' ~ text_sql ~ ' end'
    ) -}}
{% endmacro %}


{% macro snowflake__canonical_payload(text_sql) %}
    {%- set json = 'try_parse_json(' ~ text_sql ~ ')' -%}
    {{- return(
        'case when ' ~ json ~ ' is not null and not ' ~ exactly_once._is_read_loosely(text_sql) ~ ' then '
        ~ exactly_once.canonical_text(json, 'variant') ~ ' else ' ~ text_sql ~ ' end'
    ) -}}
{% endmacro %}
