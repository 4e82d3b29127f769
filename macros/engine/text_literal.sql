{% macro text_literal(text) %}
    {#- A text as a SQL literal. -#}
    {{- return(adapter.dispatch('text_literal', 'exactly_once')(text)) -}}
{% endmacro %}


{% macro default__text_literal(text) %}
    {{- return("'" ~ text | replace("'", "''") ~ "'") -}}
{% endmacro %}


{#- A backslash escapes in Snowflake's literals. -#}
{% macro snowflake__text_literal(text) %}
    {{- return("'" ~ text | replace('\\', '\\\\') | replace("'", "''") ~ "'") -}}
{% endmacro %}
