{% macro warn_if_guard_is_off() %}
    {#-
        For on-run-start: one warning a run, whatever the number of models, where curated tables are about to take in
        every copy. The var itself is checked by the models.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') and var('exactly_once__deduplicate', true) is false -%}
        {%- set curated = [] -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.unique_id in selected_resources
            and 'exactly_once_curated' in node.tags and node.name != 'incremental_watermarks' -%}
            {%- do curated.append(node.name) -%}
        {%- endfor -%}
        {%- if curated -%}
            {%- do exceptions.warn(
                '[exactly_once] the guard is off (exactly_once__deduplicate: false): ' ~ curated | sort | join(', ')
                ~ ' will count every copy. What that lets in: dbt run-operation guard_report'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
