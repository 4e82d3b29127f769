{% macro record_watermark() %}
    {#-
        A post-hook for curated models: writes how far this relation has taken in arrivals to
        incremental_watermarks in its own schema, so that the mark is cloned, swapped and rolled back with it.
        A mark that lags is safe: the next run reads a little more.
    -#}
    {%- if execute -%}
        {%- set watermark = exactly_once.arrival_watermark(exactly_once.curated_events()) -%}
        {%- set watermarks = api.Relation.create(
            database=this.database, schema=this.schema, identifier='incremental_watermarks'
        ) -%}
        {%- set arrival_sql = exactly_once.timestamp_literal(watermark) if watermark is not none else 'null' -%}
        {%- do run_query(
            'create table if not exists ' ~ watermarks
            ~ ' (relation_name varchar, arrival_watermark ' ~ exactly_once._timestamp_type() ~ ')'
        ) %}
        merge into {{ watermarks }} as recorded
        using (
            select
                {{ exactly_once.text_literal(this.identifier) }} as relation_name,
                {{ arrival_sql }} as arrival_watermark
        ) as reached
        on recorded.relation_name = reached.relation_name
        when matched then update set arrival_watermark = reached.arrival_watermark
        when not matched then insert (relation_name, arrival_watermark)
        values (reached.relation_name, reached.arrival_watermark)
    {%- endif -%}
{% endmacro %}
