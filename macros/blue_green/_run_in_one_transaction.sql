{% macro _run_in_one_transaction(statements) %}
    {%- call statement('one_transaction', auto_begin=true) -%}
        {{ statements | join(';\n') }}
    {%- endcall -%}
    {%- do adapter.commit() -%}
{% endmacro %}
