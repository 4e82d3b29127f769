{% macro record_watermark() %}
    {#-
        A post-hook for curated models: writes to incremental_watermarks how far this relation has taken in
        arrivals. A mark that lags is safe: the next run reads a little more. It is read after the table is built:
        DuckDB does both in one transaction; elsewhere what arrived in between is met through the lookback.
    -#}
    {%- if execute -%}
        {%- set watermark = exactly_once.arrival_watermark(exactly_once.curated_events()) -%}
        {%- set arrival_watermark = exactly_once.null_timestamp() if watermark is none
            else exactly_once.timestamp_literal(watermark) %}
        merge into {{ exactly_once.model_relation('incremental_watermarks') }} as recorded
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
