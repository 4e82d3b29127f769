{% macro lifecycle_count(name) %}
    {#- Number of events of one kind (authorized, captured, refunded, chargeback). -#}
    {{- return('count(case when ' ~ exactly_once.event_type_is(name) ~ ' then 1 end)') -}}
{% endmacro %}
