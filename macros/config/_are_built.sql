{% macro _are_built(relations) %}
    {#-
        Whether a test has something to compare. dbt runs a test as soon as one of its models is selected, unless
        indirect_selection says otherwise: the others may not have been built yet.
    -#}
    {%- for relation in relations if execute and not exactly_once._is_there(relation) -%}
        {%- do log('[exactly_once] test ' ~ model.name ~ ' compares nothing yet: ' ~ relation ~ ' is not built', info=true) -%}
        {{- return(false) -}}
    {%- endfor -%}
    {{- return(true) -}}
{% endmacro %}


{% macro _nothing_to_compare() -%}
    select nothing.*
    from (select 1 as is_built) as nothing
    where false
{%- endmacro %}
