{% macro timestamp_literal(utc_time, data_type='timestamp') %}
    {#- A datetime in UTC as a literal of the column's type: the same instant in every session time zone. -#}
    {%- set text = utc_time.isoformat(sep=' ', timespec='microseconds') -%}
    {%- if exactly_once.type_family(data_type) == 'timestamp_tz' -%}
        {{- return("cast('" ~ text ~ "+00:00' as " ~ exactly_once._timestamp_tz_type(data_type) ~ ")") -}}
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


{% macro _timestamp_tz_type(data_type) %}
    {{- return(adapter.dispatch('_timestamp_tz_type', 'exactly_once')(data_type)) -}}
{% endmacro %}


{% macro default___timestamp_tz_type(data_type) %}
    {{- return('timestamptz') -}}
{% endmacro %}


{#- It has two types with a time zone: a bound of the other one might be compared by a cast of the column. -#}
{% macro snowflake___timestamp_tz_type(data_type) %}
    {{- return('timestamp_ltz' if modules.re.search('LTZ|LOCAL', data_type | upper) else 'timestamp_tz') -}}
{% endmacro %}
