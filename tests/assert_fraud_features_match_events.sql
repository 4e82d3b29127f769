{%- set watermark = exactly_once.recorded_watermark(ref('fraud_features')) -%}
{%- set keys = exactly_once.curated_keys('fraud_features') -%}
{#- what the last run computed again and, in a candidate, what the repair did -#}
{%- set computed_again -%}
    select
        {{ keys.merchant_id }} as merchant_id,
        {{ keys.event_hour }} as event_hour
    from {{ ref('stg_events') }}
    where
        has_complete_key
        and {{ exactly_once.arrived_since(watermark) }}
        and {{ exactly_once.settled_before(watermark) }}
    {%- if exactly_once.settings().build_candidate %}
    union
    select
        {{ keys.merchant_id }} as merchant_id,
        {{ keys.event_hour }} as event_hour
    from {{ ref('incident_decisions') }}
    where decision = 'remove'
    {%- endif %}
{%- endset %}

-- depends_on: {{ ref('incremental_watermarks') }}
with computed_again as (
    select distinct
        merchant_id,
        event_hour
    from (
        {{ computed_again }}
    ) as keys_of_events
),

events as (
    {{ exactly_once.payment_events(
        exactly_once.curated_events(), exactly_once.same_event_hours(computed_again)
    ) }}
),

from_events as (
    select
        events.merchant_id,
        date_trunc('hour', events.event_at) as event_hour,
        {{ exactly_once.lifecycle_count('authorized') }} as authorized_count,
        {{ exactly_once.lifecycle_count('captured') }} as captured_count,
        {{ exactly_once.lifecycle_count('refunded') }} as refunded_count,
        {{ exactly_once.lifecycle_count('chargeback') }} as chargeback_count,
        {{ exactly_once.lifecycle_amount('authorized') }} as authorized_cents,
        count(distinct events.payment_id) as distinct_payments
    from events
    inner join computed_again
        on
            events.merchant_id = computed_again.merchant_id
            and date_trunc('hour', events.event_at) = computed_again.event_hour
    group by 1, 2
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
    from {{ ref('fraud_features') }} as features
    inner join computed_again
        on
            features.merchant_id = computed_again.merchant_id
            and features.event_hour = computed_again.event_hour
    group by 1, 2
),

compared as (
    select
        coalesce(from_events.merchant_id, from_features.merchant_id) as merchant_id,
        coalesce(from_events.event_hour, from_features.event_hour) as event_hour,
        {% for column in [
            'authorized_count', 'captured_count', 'refunded_count', 'chargeback_count', 'authorized_cents',
            'distinct_payments'
        ] -%}
        from_features.{{ column }} as {{ column }},
        from_events.{{ column }} as {{ column }}_of_events{{ ',' if not loop.last }}
        {% endfor %}
    from from_events
    full outer join from_features
        on
            from_events.merchant_id = from_features.merchant_id
            and from_events.event_hour = from_features.event_hour
)

select * from compared
where
    authorized_count is distinct from authorized_count_of_events
    or captured_count is distinct from captured_count_of_events
    or refunded_count is distinct from refunded_count_of_events
    or chargeback_count is distinct from chargeback_count_of_events
    or authorized_cents is distinct from authorized_cents_of_events
    or distinct_payments is distinct from distinct_payments_of_events
