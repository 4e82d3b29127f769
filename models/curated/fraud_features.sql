{{
    config(
        alias=exactly_once.curated_alias('fraud_features'),
        unique_key=['merchant_id', 'event_hour'],
        incremental_strategy='merge_and_mark',
        meta={
            'deleted_when': 'distinct_payments = 0',
            'pruned_by': 'event_hour',
            'impact_measures': [
                'authorized_count', 'captured_count', 'refunded_count', 'chargeback_count', 'authorized_cents'
            ]
        },
        on_schema_change='fail',
        post_hook="{{ exactly_once.record_watermark() }}"
    )
}}
{%- do exactly_once.use_warehouse_of('fifteen_minute') -%}
{%- do exactly_once.check_candidate(this) -%}
{%- set keys = exactly_once.curated_keys('fraud_features') -%}
{%- set changed_hours = exactly_once.changed_keys(keys) -%}
{%- set is_in_reach =
    exactly_once.same_event_hours(changed_hours) if is_incremental() else 'true'
%}

with
{% if is_incremental() -%}
changed_hours as (
    {{ exactly_once.changed_keys(keys, is_in_reach) }}
),

events_in_reach as (
    {{ exactly_once.payment_events(exactly_once.curated_events(), is_in_reach) }}
),

-- an hour whose events moved away (an earlier copy names another merchant) has no payment left:
-- the strategy deletes it
events as (
    select
        changed_hours.merchant_id,
        changed_hours.event_hour,
        events_in_reach.event_type,
        events_in_reach.amount_cents,
        events_in_reach.payment_id
    from changed_hours
    left join events_in_reach
        on
            changed_hours.merchant_id = events_in_reach.merchant_id
            and changed_hours.event_hour = date_trunc('hour', events_in_reach.event_at)
)
{%- else -%}
all_events as (
    {{ exactly_once.payment_events(exactly_once.curated_events()) }}
),

events as (
    select
        merchant_id,
        date_trunc('hour', event_at) as event_hour,
        event_type,
        amount_cents,
        payment_id
    from all_events
    where event_at is not null
)
{%- endif %}

{{ exactly_once.hourly_features('events') }}
