{% macro _refuse_engine(macro_name) %}
    {%- do exactly_once._refuse(
        'adapter ' ~ target.type, 'no version of ' ~ macro_name ~ ' for it', 'duckdb or snowflake',
        'Choose a target of one of these types.'
    ) -%}
{% endmacro %}
