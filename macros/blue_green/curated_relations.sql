{% macro curated_relations(incident_id) %}
    {#-
        The tables of a remediation, from the models tagged exactly_once_curated:
        [{name, unique_key, live, candidate, replaced}]. `replaced` is where the swap keeps the old table.
    -#}
    {%- set slug = modules.re.sub('[^a-z0-9]+', '_', incident_id | lower) -%}
    {%- set tables = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'model' and 'exactly_once_curated' in node.tags
        and node.name != 'incremental_watermarks' -%}
        {%- set live = node.alias | replace('__candidate', '') -%}
        {%- set relation = {'database': node.database, 'schema': node.schema} -%}
        {%- do tables.append({
            'name': node.name,
            'unique_key': [node.config.unique_key] if node.config.unique_key is string else node.config.unique_key,
            'live': api.Relation.create(identifier=live, type='table', **relation),
            'candidate': api.Relation.create(identifier=live ~ '__candidate', type='table', **relation),
            'replaced': api.Relation.create(identifier=live ~ '__replaced_' ~ slug, type='table', **relation)
        }) -%}
    {%- endfor -%}
    {{- return(tables | sort(attribute='name')) -}}
{% endmacro %}
