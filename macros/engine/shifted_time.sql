{% macro shifted_time(utc_time, hours) %}
    {#- A datetime in UTC that many hours later, kept within the years that a literal can hold. -#}
    {%- set micros = (utc_time - modules.datetime.datetime(1970, 1, 1)) // modules.datetime.timedelta(microseconds=1) -%}
    {{- return(exactly_once.time_from_micros(micros + hours * 3600000000)) -}}
{% endmacro %}
