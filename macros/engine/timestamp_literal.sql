{% macro timestamp_literal(utc_time, data_type='timestamp') %}
    {#- A datetime in UTC as a literal of the column's type: the same instant in every session time zone. -#}
    {%- set text = utc_time.isoformat(sep=' ', timespec='microseconds') -%}
    {%- if exactly_once.type_family(data_type) == 'timestamp_tz' -%}
        {{- return("cast('" ~ text ~ "+00:00' as " ~ exactly_once._timestamp_tz_type() ~ ")") -}}
    {%- endif -%}
    {{- return("cast('" ~ text ~ "' as " ~ exactly_once._timestamp_type() ~ ")") -}}
{% endmacro %}


{% macro _timestamp_type() %}
    {{- return(adapter.dispatch('_timestamp_type', 'exactly_once')()) -}}
{% endmacro %}


{% macro default___timestamp_type() %}
    {{- return('timestamp') -}}
{% endmacro %}


{% macro snowflake___timestamp_type() %}
    {{- return('timestamp_ntz') -}}
{% endmacro %}


{% macro _timestamp_tz_type() %}
    {{- return(adapter.dispatch('_timestamp_tz_type', 'exactly_once')()) -}}
{% endmacro %}


{% macro default___timestamp_tz_type() %}
    {{- return('timestamptz') -}}
{% endmacro %}


{% macro snowflake___timestamp_tz_type() %}
    {{- return('timestamp_tz') -}}
{% endmacro %}
