{% macro quarantined_copies() %}
    {#-
        A query for the copies that are in quarantine and not in the source (incident_id, row_hash, copy_number);
        none where there are none, or where quarantined_events is not there.
    -#}
    {%- set quarantine = exactly_once._quarantine_if_made() -%}
    {%- if quarantine is not none -%}
        {%- set copies = 'select incident_id, row_hash, copy_number from ' ~ quarantine ~ ' where restored_at is null' -%}
        {%- if exactly_once._ask(copies ~ ' limit 1').rows -%}{{- return(copies) -}}{%- endif -%}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _quarantine_if_made() %}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {#- a unit test has no nodes -#}
    {%- for node in graph.get('nodes', {}).values() if node.package_name == 'exactly_once' and node.name == 'quarantined_events' -%}
        {%- set quarantine = exactly_once.model_relation('quarantined_events') -%}
        {%- if exactly_once._is_there(quarantine) -%}{{- return(quarantine) -}}{%- endif -%}
    {%- endfor -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _quarantined_in_reach() %}
    {#-
        What no detection finds any more, and the curated tables may have counted: the copies in quarantine, whichever
        incident they went for, that lie in the scope of the decided one or share an event time with what does. A
        subquery with the columns of the source; none where there are none.
    -#}
    {%- if exactly_once.quarantined_copies() is none -%}{{- return(none) -}}{%- endif -%}
    {%- set incident_id = exactly_once.decided_incident() -%}
    {%- if incident_id is none -%}{{- return(none) -}}{%- endif -%}
    {%- set in_scope = exactly_once._arrived_within_scope(exactly_once.model_relation('incident_scope')) -%}
    {%- set copies = '(select * from ' ~ exactly_once.model_relation('quarantined_events') ~ ' where restored_at is null and '
        ~ exactly_once.key_is_complete(exactly_once.source_columns()) ~ ' and (incident_id = '
        ~ exactly_once.text_literal(incident_id) ~ ' or ' ~ in_scope ~ ' or '
        ~ exactly_once.event_time_ranges(exactly_once.model_relation('stg_events'), in_scope) ~ ')) as quarantined' -%}
    {{- return(copies if exactly_once._ask('select 1 as found from ' ~ copies ~ ' limit 1').rows else none) -}}
{% endmacro %}
