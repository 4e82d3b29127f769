{% macro key_value(columns, column) %}
    {#-
        A column as the curated models show it: with the cast and the normalisers that it has in the business
        key, so that copies which spell it differently fall under one value; else as it is.
    -#}
    {%- for key_column in columns.key
        if key_column.name == column.name and (key_column.normalize or key_column.cast) -%}
        {{- return(exactly_once.key_text(key_column)) -}}
    {%- endfor -%}
    {{- return(column.sql) -}}
{% endmacro %}


{% macro _compared_key(columns) %}
    {#-
        Expressions over a complete key that are equal where fingerprints are, and cost less to compare; what payloads tell
        apart is equal too.
    -#}
    {%- set compared = [] -%}
    {%- for column in columns.key -%}
        {%- set is_time = exactly_once.type_family(column.type) in ('timestamp', 'timestamp_tz') -%}
        {%- if column.get('cast') or column.get('normalize') or (is_time and column.name != columns.event_time.name) -%}
            {#- a cast may give NULL, which no list holds -#}
            {%- do compared.append(exactly_once.encoded_part(exactly_once.key_text(column))) -%}
        {%- else -%}
            {%- do compared.append(exactly_once.event_instant() if is_time else column.sql) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(compared) -}}
{% endmacro %}
