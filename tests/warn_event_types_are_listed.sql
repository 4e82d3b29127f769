{{ config(severity='warn') }}
{%- set columns = exactly_once.source_columns() %}

-- of the daily job, which has this model: a source may have other events than payments
-- depends_on: {{ ref('exactly_once', 'monitoring_duplicate_rate') }}

with recent_events as (
    select {{ exactly_once.key_value(columns, columns.event_type) }} as event_type
    from {{ ref('exactly_once', 'stg_events') }}
    where {{ exactly_once.detection_range() }}
),

unlisted as (
    select
        event_type,
        count(*) as row_count
    from recent_events
    where
        not {{ exactly_once.event_type_is('authorized') }}
        and not {{ exactly_once.event_type_is('captured') }}
        and not {{ exactly_once.event_type_is('refunded') }}
        and not {{ exactly_once.event_type_is('chargeback') }}
    group by event_type
)

select * from unlisted
