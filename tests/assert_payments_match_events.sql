{%- set columns = exactly_once.source_columns() -%}
{%- set watermark = exactly_once.recorded_watermark(ref('payments')) -%}
{#- what the last run computed again and, in a candidate, what the repair did -#}
{%- set computed_again -%}
    select {{ columns.payment_id.sql }} as payment_id
    from {{ ref('stg_events') }}
    where
        has_complete_key
        and {{ exactly_once.arrived_since(watermark) }}
        and {{ exactly_once.settled_before(watermark) }}
    {%- if exactly_once.settings().build_candidate %}
    union
    select {{ columns.payment_id.sql }} as payment_id
    from {{ ref('incident_decisions') }}
    where decision = 'remove'
    {%- endif %}
{%- endset -%}
{%- set is_in_reach = exactly_once.event_time_from(
    exactly_once.earliest_event_of_payments(ref('payments'), computed_again)
) %}

-- depends_on: {{ ref('incremental_watermarks') }}
with computed_again as (
    {{ computed_again }}
),

events as (
    {{ exactly_once.payment_events(exactly_once.curated_events(), is_in_reach) }}
),

from_events as (
    select
        payment_id,
        {{ exactly_once.lifecycle_amount('authorized') }} as authorized_cents,
        {{ exactly_once.lifecycle_amount('captured') }} as captured_cents,
        {{ exactly_once.lifecycle_amount('refunded') }} as refunded_cents,
        {{ exactly_once.lifecycle_amount('chargeback') }} as chargeback_cents,
        count(*) as event_count
    from events
    where payment_id in (select payment_id from computed_again)
    group by payment_id
),

-- a payment that the table holds twice has twice its totals
from_payments as (
    select
        payment_id,
        sum(authorized_cents) as authorized_cents,
        sum(captured_cents) as captured_cents,
        sum(refunded_cents) as refunded_cents,
        sum(chargeback_cents) as chargeback_cents,
        sum(event_count) as event_count
    from {{ ref('payments') }}
    where payment_id in (select payment_id from computed_again)
    group by payment_id
),

compared as (
    select
        coalesce(from_events.payment_id, from_payments.payment_id) as payment_id,
        {% for column in ['event_count', 'authorized_cents', 'captured_cents', 'refunded_cents', 'chargeback_cents'] -%}
        from_payments.{{ column }} as {{ column }},
        from_events.{{ column }} as {{ column }}_of_events{{ ',' if not loop.last }}
        {% endfor %}
    from from_events
    full outer join from_payments on from_events.payment_id = from_payments.payment_id
)

select * from compared
where
    event_count is distinct from event_count_of_events
    or authorized_cents is distinct from authorized_cents_of_events
    or captured_cents is distinct from captured_cents_of_events
    or refunded_cents is distinct from refunded_cents_of_events
    or chargeback_cents is distinct from chargeback_cents_of_events
