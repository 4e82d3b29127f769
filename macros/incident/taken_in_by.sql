{% macro taken_in_by(relation) %}
    {#-
        A predicate on the events that a curated relation had taken in when it was last built, so that what has arrived
        since is no effect of an incident; every event where no watermark is recorded. A watermark is the tenth latest
        arrival (see arrival_watermark): the nine after it had been read too. An arrival ahead of the clock tells nothing.
    -#}
    {%- set watermark = exactly_once.recorded_watermark(relation) if execute else none -%}
    {%- if watermark is none -%}{{- return('true') -}}{%- endif -%}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set last_micros = exactly_once._ask(
        'select max(arrival_micros) as last_micros from (select ' ~ exactly_once.epoch_micros(arrival_time.sql)
        ~ ' as arrival_micros from ' ~ exactly_once.model_relation('stg_events_deduplicated') ~ ' where '
        ~ exactly_once.has_sane_times() ~ ' and ' ~ arrival_time.sql ~ ' > '
        ~ exactly_once.timestamp_literal(watermark, arrival_time.type) ~ ' order by ' ~ arrival_time.sql ~ ' limit 9) as next_arrivals'
    ).rows[0][0] -%}
    {%- set last = exactly_once.time_from_micros(last_micros) if last_micros is not none else watermark -%}
    {{- return(
        '(' ~ arrival_time.sql ~ ' <= ' ~ exactly_once.timestamp_literal(last, arrival_time.type)
        ~ ' or ' ~ arrival_time.sql ~ ' > '
        ~ exactly_once.timestamp_literal(run_started_at.replace(tzinfo=none), arrival_time.type)
        ~ ' or ' ~ arrival_time.sql ~ ' is null)'
    ) -}}
{% endmacro %}
