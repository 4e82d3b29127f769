{% macro decision_rule_version() %}
    {#- The version of the rules in incident_decisions. Raised whenever a rule changes what is decided. -#}
    {{- return('5') -}}
{% endmacro %}
