{% macro model_relation(name) %}
    {#-
        Where a model, seed or snapshot is stored, for run-operations, which can't ref. A seed may be one of the
        project that installs this package: what people write is reviewed there.
    -#}
    {%- for package, kinds in [(project_name, ['seed']), ('exactly_once', ['model', 'seed', 'snapshot'])] -%}
        {%- for node in graph.nodes.values()
            if node.package_name == package and node.name == name and node.resource_type in kinds -%}
            {{- return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias)) -}}
        {%- endfor -%}
    {%- endfor -%}
    {%- do exactly_once._refuse(
        'model ' ~ name, 'not part of this run', 'a model, seed or snapshot of that name that is enabled', 'Enable it.'
    ) -%}
{% endmacro %}
