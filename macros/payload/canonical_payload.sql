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


{#- A VARIANT, which sorts keys, rounds a long whole number too, and keeps the last of equal keys alone. -#}
{% macro duckdb__canonical_payload(text_sql) %}
    {%- set has_long_number = 'regexp_matches(' ~ text_sql ~ ", '[:,\\[]\\s*-?[0-9]{16}')" -%}
    {#- named, since DuckDB computes anew what a CASE says twice -#}
    {%- set names_each_key_once = exactly_once._key_marks(text_sql) ~ ' = ' ~ exactly_once._key_marks('exactly_once_json') -%}
    {%- set read = '[case when ' ~ names_each_key_once ~ ' then ' ~ exactly_once._zeros_replaced_if_any('exactly_once_json')
        ~ ' else ' ~ text_sql ~ ' end for exactly_once_json in ['
        ~ adapter.dispatch('_sorted_json', 'exactly_once')('cast(' ~ text_sql ~ ' as json)') ~ ']][1]' -%}
    {{- return(
        'case when json_valid(' ~ text_sql ~ ') and not ' ~ exactly_once._is_read_loosely(text_sql) ~ ' and not '
        ~ has_long_number ~ ' then ' ~ exactly_once._unless_too_deep(text_sql, read) ~ ' else ' ~ text_sql ~ ' end'
    ) -}}
{% endmacro %}


{% macro _key_marks(text_sql) %}
    {#- Twice the number of `":` in what DuckDB writes as JSON: each key has one, and a string has the same in any writing. -#}
    {%- set minified = 'cast(json(' ~ text_sql ~ ') as varchar)' -%}
    {{- return('(length(' ~ minified ~ ') - length(replace(' ~ minified ~ ", '\":', '')))") -}}
{% endmacro %}


{% macro snowflake__canonical_payload(text_sql) %}
    {%- set json = 'try_parse_json(' ~ text_sql ~ ')' -%}
    {{- return(
        'case when ' ~ json ~ ' is not null and not ' ~ exactly_once._is_read_loosely(text_sql) ~ ' then '
        ~ exactly_once.canonical_text(json, 'variant') ~ ' else ' ~ text_sql ~ ' end'
    ) -}}
{% endmacro %}
