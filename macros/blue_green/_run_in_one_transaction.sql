{% macro _run_in_one_transaction(statements) %}
    {%- call statement('one_transaction', auto_begin=true) -%}
        {{ statements | join(';\n') }}
    {%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}


{% macro _commit_what_is_open() %}
    {{- return(adapter.dispatch('_commit_what_is_open', 'exactly_once')()) -}}
{% endmacro %}


{% macro default___commit_what_is_open() %}
{% endmacro %}


{#- On DuckDB dbt begins a transaction when it looks at columns, and rolls it back in the end. -#}
{% macro duckdb___commit_what_is_open() %}
    {%- call statement('what_is_open', auto_begin=true) -%}select 1 as one{%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}
