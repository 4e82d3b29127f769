{% macro _are_built(relations) %}
    {#-
        Whether a test has something to compare. dbt runs a test as soon as one of its models is selected, unless
        indirect_selection says otherwise: the others may not have been built yet.
    -#}
    {%- for relation in relations if execute and not exactly_once._is_there(relation) -%}
        {%- do exceptions.warn('[exactly_once] test ' ~ model.name ~ ' compares nothing: ' ~ relation ~ ' is not there') -%}
        {{- return(false) -}}
    {%- endfor -%}
    {{- return(true) -}}
{% endmacro %}


{% macro _nothing_to_compare() -%}
    select nothing.*
    from (select 1 as finding) as nothing
    where false
{%- endmacro %}
