{% macro null_timestamp() %}
    {#- NULL as a timestamp in UTC without an offset. -#}
    {{- return('cast(null as ' ~ exactly_once._timestamp_type() ~ ')') -}}
{% endmacro %}
