{% macro _curated_watermarks() %}
    {#-
        How far each curated table has taken in arrivals, and how far the deduplicated events go by now, as SQL:
        [{name, watermark, events_watermark}]. Both are of the tenth latest arrival, so they can be compared.
    -#}
    {#- a unit test has no nodes -#}
    {%- if not execute or graph.nodes is not defined or not exactly_once._nodes_of('incremental_watermarks') -%}
        {{- return([]) -}}
    {%- endif -%}
    {%- set reached = exactly_once.arrival_watermark(exactly_once.model_relation('stg_events_deduplicated')) -%}
    {%- set found = [] -%}
    {%- for table in exactly_once.curated_relations('')
        if reached is not none and exactly_once._is_there(exactly_once._watermarks_of(table.live)) -%}
        {%- do found.append({
            'name': table.name,
            'watermark': '(select max(arrival_watermark) from ' ~ exactly_once._watermarks_of(table.live)
                ~ ' where relation_name = ' ~ exactly_once.text_literal(exactly_once._watermark_key(table.live)) ~ ')',
            'events_watermark': exactly_once.timestamp_literal(reached)
        }) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}
