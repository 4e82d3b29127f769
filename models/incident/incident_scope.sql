{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set settings = exactly_once.settings() -%}
{%- set lookback = exactly_once.hours_interval(settings.late_arrival_hours) -%}
{%- do exactly_once.refuse_empty_window() -%}
{%- do exactly_once.warn_if_window_differs() -%}

-- depends_on: {{ ref('exactly_once', 'incident_windows') }}
with
{% if settings.incident_start is not none -%}
incident_window as (
    select
        {{ exactly_once.text_literal(
            settings.incident_id or 'declared_' ~ settings.incident_start.strftime('%Y%m%dT%H%M')
        ) }} as incident_id,
        'declared' as window_source,
        {{ exactly_once.timestamp_literal(settings.incident_start) }} as window_start,
        {{ exactly_once.timestamp_literal(settings.incident_end) }} as window_end
),
{%- else -%}
-- several windows: the one with the most copies first; the others by declaring them
incident_window as (
    select
        {% if settings.incident_id is not none -%}
        {{ exactly_once.text_literal(settings.incident_id) }}
        {%- else -%}
        'detected_' || {{ exactly_once.minute_text('detected_start') }}
        {%- endif %} as incident_id,
        'detected' as window_source,
        detected_start as window_start,
        detected_end as window_end
    from {{ ref('exactly_once', 'incident_windows') }}
    order by copy_count desc, detected_start asc
    limit 1
),
{%- endif %}

incident_scope as (
    select
        incident_id,
        window_source,
        window_start,
        window_end,
        window_start - {{ lookback }} as scope_start,
        window_end + {{ lookback }} as scope_end
    from incident_window
)

select * from incident_scope
