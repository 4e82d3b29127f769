{% macro quarantined_copies() %}
    {#-
        A query for the copies that are in quarantine and not in the source (incident_id, row_hash, copy_number);
        none where there are none, or where quarantined_events is not there.
    -#}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {#- a unit test has no nodes -#}
    {%- for node in graph.get('nodes', {}).values() if node.package_name == 'exactly_once' and node.name == 'quarantined_events' -%}
        {%- set quarantine = exactly_once.model_relation('quarantined_events') -%}
        {%- if exactly_once._is_there(quarantine) -%}
            {%- set copies = 'select incident_id, row_hash, copy_number from ' ~ quarantine ~ ' where restored_at is null' -%}
            {%- if exactly_once._ask(copies ~ ' limit 1').rows -%}{{- return(copies) -}}{%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(none) -}}
{% endmacro %}
