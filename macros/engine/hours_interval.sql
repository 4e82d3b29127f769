{% macro hours_interval(hours) %}
    {#- A number of hours, whole or not, as an interval of whole seconds. -#}
    {{- return("interval '" ~ (hours * 3600) | round | int ~ " seconds'") -}}
{% endmacro %}
