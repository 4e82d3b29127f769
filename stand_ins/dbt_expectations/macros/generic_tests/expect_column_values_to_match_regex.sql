{# The match may be anywhere in the value. #}
{% test expect_column_values_to_match_regex(
    model, column_name, regex, row_condition=none, is_raw=false, flags=''
) %}
    select *
    from {{ model }}
    where
        not ({{ dbt_expectations.regex_is_found(column_name, regex, is_raw, flags) }})
        {{ 'and (' ~ row_condition ~ ')' if row_condition }}
{% endtest %}


{% macro regex_is_found(value, regex, is_raw, flags) %}
    {{- return(
        adapter.dispatch('regex_is_found', 'dbt_expectations')(value, regex, is_raw, flags)
    ) -}}
{% endmacro %}

{% macro default__regex_is_found(value, regex, is_raw, flags) %}
    {%- do exceptions.raise_compiler_error(
        'The stand-in for dbt_expectations has no regular expressions on ' ~ target.type ~ '.'
    ) -%}
{% endmacro %}

{# https://duckdb.org/docs/stable/sql/functions/regular_expressions: backslashes are literal. #}
{% macro duckdb__regex_is_found(value, regex, is_raw, flags) -%}
    regexp_matches({{ value }}, '{{ regex }}'{{ ", '" ~ flags ~ "'" if flags }})
{%- endmacro %}

{# https://docs.snowflake.com/en/sql-reference/functions/regexp_instr: a text literal needs its
   backslashes twice, unless it is a raw one between dollar signs. #}
{% macro snowflake__regex_is_found(value, regex, is_raw, flags) -%}
    {%- set pattern = '$$' ~ regex ~ '$$' if is_raw else "'" ~ regex ~ "'" -%}
    regexp_instr({{ value }}, {{ pattern }}, 1, 1, 0, '{{ flags or "c" }}') > 0
{%- endmacro %}
