{% macro time_from_micros(micros) %}
    {#- Microseconds since the epoch as a datetime in UTC, kept within the years that a literal can hold. -#}
    {%- set micros = [[micros | int, -62135596800000000] | max, 253402300799000000] | min -%}
    {{- return(modules.datetime.datetime(1970, 1, 1) + modules.datetime.timedelta(microseconds=micros)) -}}
{% endmacro %}
