{% macro record_watermark() %}
    {#-
        A post-hook for curated models: writes to incremental_watermarks how far this relation has taken in
        arrivals, as changed_keys read it before the build. A mark that lags is safe: the next run reads a
        little more. Without changed_keys there is none, and every run reads everything.
    -#}
    {%- if execute -%}
        {%- set watermark = graph.nodes[model.unique_id].get('arrival_watermark_before_build') -%}
        {%- set arrival_watermark = exactly_once.null_timestamp() if watermark is none
            else exactly_once.timestamp_literal(watermark) %}
        merge into {{ exactly_once._watermarks_of(this) }} as recorded
        using (
            select
                {{ exactly_once.text_literal(exactly_once._watermark_key(this)) }} as relation_name,
                {{ arrival_watermark }} as arrival_watermark
        ) as reached
        on recorded.relation_name = reached.relation_name
        when matched then update set arrival_watermark = reached.arrival_watermark
        when not matched then insert (relation_name, arrival_watermark)
        values (reached.relation_name, reached.arrival_watermark)
    {%- endif -%}
{% endmacro %}


{% macro _note_watermark(events) %}
    {#- Read while the model is compiled, and kept where its post-hook, rendered after the build, can see it. -#}
    {%- if execute -%}
        {%- do graph.nodes[model.unique_id].update({
            'arrival_watermark_before_build': exactly_once.arrival_watermark(events)
        }) -%}
    {%- endif -%}
{% endmacro %}
