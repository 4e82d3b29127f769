{% macro model_relation(name) %}
    {#-
        Where a model, seed or snapshot is stored, for run-operations, which can't ref. As ref does, it takes the one of
        the project that runs before ours: seeds that people write belong there.
    -#}
    {%- for package in [project_name, 'exactly_once'] -%}
        {%- for node in graph.nodes.values() if node.package_name == package and node.name == name
            and node.resource_type in ('model', 'seed', 'snapshot') -%}
            {{- return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) -}}
        {%- endfor -%}
    {%- endfor -%}
    {%- do exactly_once._refuse(
        'model ' ~ name, 'not part of this run', 'a model, seed or snapshot of that name that is enabled', 'Enable it.'
    ) -%}
{% endmacro %}
