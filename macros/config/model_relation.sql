{% macro model_relation(name) %}
    {#- Where a model of this package is stored, for run-operations, which can't ref. -#}
    {%- for node in graph.nodes.values() if node.package_name == 'exactly_once' and node.name == name
        and node.resource_type in ('model', 'seed', 'snapshot') -%}
        {{- return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) -}}
    {%- endfor -%}
    {%- do exactly_once._refuse(
        'model ' ~ name, 'not part of this run', 'a model of exactly_once that is enabled', 'Enable it.'
    ) -%}
{% endmacro %}
