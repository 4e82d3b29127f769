{% macro _check_source_of_run() %}
    {#-
        For on-run-start: the vars, the columns that they name and their types, before anything is built, where one of our models
        that read the source is. Nothing is asked for twice: the models take what is found here. A source that the
        same run makes may lack a column yet, so that the models check it.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set readers = [] -%}
        {%- for node in graph.nodes.values() if node.unique_id in selected_resources and node.resource_type == 'model'
            and node.package_name == 'exactly_once' and exactly_once._reads_source(node) -%}
            {%- do readers.append(node.name) -%}
        {%- endfor -%}
        {%- if readers and not exactly_once._source_is_made_by_run() -%}{%- do exactly_once.source_columns() -%}{%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _reads_source(node) %}
    {#- Itself, or by a view on it. -#}
    {%- for name in node.depends_on.nodes
        if name.startswith('source.exactly_once.') or name.startswith('model.exactly_once.stg_events') -%}
        {{- return(true) -}}
    {%- endfor -%}
    {{- return(false) -}}
{% endmacro %}


{% macro _source_is_made_by_run() %}
    {%- set source_key = exactly_once._catalog_key(exactly_once._source_relation(exactly_once.settings())) -%}
    {%- for node in graph.nodes.values() if node.unique_id in selected_resources and node.resource_type in ('model', 'seed', 'snapshot') -%}
        {%- set made = api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) -%}
        {%- if exactly_once._catalog_key(made) == source_key -%}{{- return(true) -}}{%- endif -%}
    {%- endfor -%}
    {{- return(false) -}}
{% endmacro %}
