{% macro curated_relations(incident_id) %}
    {#-
        The tables of a remediation, from the models tagged exactly_once_curated: [{name, unique_key, currency, measures,
        repairs_other_rows, live, candidate, replaced, withdrawn, built}]. `replaced` is where the swap keeps the old table, `withdrawn` where a
        rollback keeps the repaired one, `built` what this run would build.
    -#}
    {%- set slug = exactly_once._incident_slug(incident_id) -%}
    {%- set tables = [] -%}
    {%- for node in graph.nodes.values()
        if node.resource_type == 'model' and 'exactly_once_curated' in node.tags
        and node.name != 'incremental_watermarks' -%}
        {%- set live = exactly_once._live_relation(node) -%}
        {%- do tables.append({
            'name': node.name,
            'unique_key': [node.config.unique_key] if node.config.unique_key is string else node.config.unique_key,
            'currency': node.config.get('meta', {}).get('impact_currency'),
            'measures': node.config.get('meta', {}).get('impact_measures', []),
            'repairs_other_rows': node.config.get('meta', {}).get('repairs_other_rows', false),
            'live': live,
            'candidate': exactly_once._relation_beside(live, '__candidate'),
            'replaced': exactly_once._relation_beside(live, '__replaced_' ~ slug),
            'withdrawn': exactly_once._relation_beside(live, '__withdrawn_' ~ slug),
            'built': api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias, type='table')
        }) -%}
    {%- endfor -%}
    {{- return(tables | sort(attribute='name')) -}}
{% endmacro %}


{% macro _live_relation(node) %}
    {%- set part = 'schema' if exactly_once._swaps_schemas() else 'identifier' -%}
    {%- set parts = {'database': node.database, 'schema': node.schema, 'identifier': node.alias} -%}
    {%- do parts.update({part: modules.re.sub('(?i)' ~ exactly_once._suffix_of_build() ~ '$', '', parts[part])}) -%}
    {{- return(api.Relation.create(type='table', **parts)) -}}
{% endmacro %}


{% macro _relation_beside(live, suffix) %}
    {%- if exactly_once._swaps_schemas() -%}
        {{- return(api.Relation.create(
            database=live.database, schema=live.schema ~ suffix, identifier=live.identifier, type='table'
        )) -}}
    {%- endif -%}
    {{- return(api.Relation.create(
        database=live.database, schema=live.schema, identifier=live.identifier ~ suffix, type='table'
    )) -}}
{% endmacro %}
