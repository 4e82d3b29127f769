{% macro table_before_repair(curated_table) %}
    {#-
        The curated table as the incident left it: the live one, or, once it has been swapped for the incident
        in force, the replaced one that the swap kept. So a report made after the repair still tells the cost.
    -#}
    {%- if not execute -%}{{- return(curated_table) -}}{%- endif -%}
    {%- set incident_id = exactly_once.decided_incident() -%}
    {%- for table in exactly_once.curated_relations(incident_id or '')
        if curated_table.identifier in (table.live.identifier, table.candidate.identifier) -%}
        {%- if incident_id and exactly_once._is_there(table.replaced) -%}{{- return(table.replaced) -}}{%- endif -%}
        {%- if flags.WHICH in ('run', 'build') and not exactly_once._is_there(table.live) -%}
            {%- do exactly_once._refuse(
                'live table ' ~ table.live, 'none', 'a table whose repair can be measured',
                'Run: dbt build --selector fifteen_minute'
            ) -%}
        {%- endif -%}
        {{- return(table.live) -}}
    {%- endfor -%}
    {{- return(curated_table) -}}
{% endmacro %}
