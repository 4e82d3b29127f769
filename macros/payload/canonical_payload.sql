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


{#-
    A VARIANT, which sorts keys, rounds a long whole number too, keeps the last of equal keys alone, and ends the process
    where a value is nested tens of thousands deep (https://github.com/duckdb/duckdb/issues/25967).
-#}
{% macro duckdb__canonical_payload(text_sql) %}
    {%- set has_long_number = 'regexp_matches(' ~ text_sql ~ ", '[:,\\[]\\s*-?[0-9]{16}')" -%}
    {%- set brackets = 'length(' ~ text_sql ~ ') - length(translate(' ~ text_sql ~ ", '[{', ''))" -%}
    {%- set json = 'cast(' ~ text_sql ~ ' as json)' -%}
    {%- set names_each_key_once = exactly_once._key_marks(text_sql) ~ ' = '
        ~ exactly_once._key_marks('cast(cast(cast(' ~ json ~ ' as variant) as json) as varchar)') -%}
    {{- return(
        'case when json_valid(' ~ text_sql ~ ') and not ' ~ exactly_once._is_read_loosely(text_sql) ~ ' and not '
        ~ has_long_number ~ ' and ' ~ brackets ~ ' <= 1000 then case when ' ~ names_each_key_once ~ ' then '
        ~ exactly_once.canonical_text(json, 'json') ~ ' else ' ~ text_sql ~ ' end else ' ~ text_sql ~ ' end'
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
