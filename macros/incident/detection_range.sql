{% macro detection_range(up_to_now=false) %}
    {#-
        A predicate on the arrivals that detection reads: exactly_once__detection_hours before and after a
        declared window, or up to the latest sane arrival. up_to_now: at least to the start of this run, for what looks at rows
        that are not sane.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set reach = settings.detection_hours -%}
    {%- if settings.incident_start is not none -%}
        {%- set first = exactly_once.shifted_time(settings.incident_start, -reach) -%}
        {%- set last = exactly_once.shifted_time(settings.incident_end, reach) -%}
    {%- else -%}
        {#- of the table itself, which a warehouse reads from its latest block on; a view of branches may be read whole -#}
        {%- set watermark = exactly_once.arrival_watermark(exactly_once.source_columns().relation) -%}
        {#- too few sane rows to tell: every arrival that a calendar holds -#}
        {%- set first = modules.datetime.datetime(1, 1, 1) if watermark is none
            else exactly_once.shifted_time(watermark, -reach) -%}
        {%- set last = modules.datetime.datetime(9999, 12, 31) if watermark is none
            else exactly_once.shifted_time(watermark, settings.late_arrival_hours) -%}
        {%- if up_to_now -%}{%- set last = [last, run_started_at.replace(tzinfo=none)] | max -%}{%- endif -%}
    {%- endif -%}
    {{- return(
        arrival_time.sql ~ ' >= ' ~ exactly_once.timestamp_literal(first, arrival_time.type)
        ~ ' and ' ~ arrival_time.sql ~ ' <= ' ~ exactly_once.timestamp_literal(last, arrival_time.type)
    ) -}}
{% endmacro %}
