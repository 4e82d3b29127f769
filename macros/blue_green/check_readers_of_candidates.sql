{% macro check_readers_of_candidates() %}
    {#-
        For on-run-start. A model that reads a curated one, built in the same run as a candidate or a replaced table, would
        show its readers what is not live.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if execute and flags.WHICH in ('run', 'build', 'snapshot') and (settings.build_candidate or settings.build_replaced is not none) -%}
        {%- set curated, readers = [], [] -%}
        {%- for node in graph.nodes.values() if 'exactly_once_curated' in node.tags and node.resource_type == 'model' -%}
            {%- do curated.append(node.unique_id) -%}
        {%- endfor -%}
        {%- for node in graph.nodes.values()
            if node.unique_id in selected_resources and node.unique_id not in curated and node.resource_type in ('model', 'snapshot')
            and node.depends_on.nodes | select('in', curated) | list -%}
            {%- do readers.append(node.name) -%}
        {%- endfor -%}
        {%- if readers -%}
            {%- do exactly_once._refuse(
                'this run', 'models that read curated ones: ' ~ readers | sort | join(', '),
                'no reader of candidates or of replaced tables',
                'Leave them out: --selector remediation, or fifteen_minute, of this package selects none.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
