{%- if exactly_once._are_built([ref('exactly_once', 'fraud_features')]) -%}
{%- set fraud_features = ref('exactly_once', 'fraud_features') -%}
{%- set checked_hours = exactly_once.checked_keys('fraud_features', fraud_features) %}

with checked_hours as (
    {{ checked_hours }}
),

payment_events as (
    {{ exactly_once.payment_events(
        exactly_once.curated_events(), exactly_once.same_event_hours(checked_hours)
    ) }}
),

events as (
    select
        merchant_id,
        date_trunc('hour', event_at) as event_hour,
        event_type,
        amount_cents,
        payment_id
    from payment_events
),

-- an hour that the table holds twice has twice its totals
from_features as (
    select
        features.merchant_id,
        features.event_hour,
        sum(features.authorized_count) as authorized_count,
        sum(features.captured_count) as captured_count,
        sum(features.refunded_count) as refunded_count,
        sum(features.chargeback_count) as chargeback_count,
        sum(features.authorized_cents) as authorized_cents,
        sum(features.distinct_payments) as distinct_payments
    from {{ ref('exactly_once', 'fraud_features') }} as features
    inner join checked_hours
        on
            features.merchant_id = checked_hours.merchant_id
            and features.event_hour = checked_hours.event_hour
    group by features.merchant_id, features.event_hour
),

from_events as (
    select
        events.merchant_id,
        events.event_hour,
        {{ exactly_once.lifecycle_count('authorized') }} as authorized_count,
        {{ exactly_once.lifecycle_count('captured') }} as captured_count,
        {{ exactly_once.lifecycle_count('refunded') }} as refunded_count,
        {{ exactly_once.lifecycle_count('chargeback') }} as chargeback_count,
        {{ exactly_once.lifecycle_amount('authorized') }} as authorized_cents,
        count(distinct events.payment_id) as distinct_payments
    from events
    inner join checked_hours
        on
            events.merchant_id = checked_hours.merchant_id
            and events.event_hour = checked_hours.event_hour
    group by events.merchant_id, events.event_hour
),

in_features_alone as (
    select * from from_features
    except
    select * from from_events
),

in_events_alone as (
    select * from from_events
    except
    select * from from_features
),

differences as (
    select
        'fraud_features' as found_in,
        in_features_alone.*
    from in_features_alone
    union all
    select
        'events' as found_in,
        in_events_alone.*
    from in_events_alone
)

select * from differences
{%- else -%}
{{ exactly_once._nothing_to_compare() }}
{%- endif -%}
