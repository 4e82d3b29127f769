{% macro curated_alias(name) %}
    {#- Where a curated model is built: live, or beside it while exactly_once__build_candidate is true. -#}
    {{- return(name ~ '__candidate' if exactly_once.settings().build_candidate else name) -}}
{% endmacro %}
