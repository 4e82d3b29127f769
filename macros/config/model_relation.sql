{% macro model_relation(name) %}
    {#-
        Where a model, seed or snapshot is stored, for run-operations, which can't ref. A seed that people write may be
        one of the project that installs this package, since it is reviewed there.
    -#}
    {%- set found = exactly_once._nodes_of(name) -%}
    {%- if found | length > 1 -%}
        {#- some models would read the one, some the other -#}
        {%- do exactly_once._refuse(
            'seed ' ~ name, 'one in exactly_once and one in ' ~ project_name, 'one of them',
            "Switch the package's off in dbt_project.yml: seeds: {exactly_once: {+enabled: false}}"
        ) -%}
    {%- elif not found -%}
        {%- do exactly_once._refuse(
            'model ' ~ name, 'not part of this run', 'a model, seed or snapshot of that name that is enabled', 'Enable it.'
        ) -%}
    {%- endif -%}
    {{- return(api.Relation.create(
        database=found[0].database, schema=found[0].schema, identifier=found[0].alias
    )) -}}
{% endmacro %}


{% macro _seeds_of_people() %}
    {{- return(['incident_register', 'decision_overrides', 'payload_field_policy']) -}}
{% endmacro %}


{% macro _nodes_of(name) %}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values()
        if node.name == name and node.resource_type in ('model', 'seed', 'snapshot')
        and (node.package_name == 'exactly_once'
        or (node.package_name == project_name and name in exactly_once._seeds_of_people())) -%}
        {%- do found.append(node) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}
