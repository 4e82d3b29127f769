{%- if exactly_once._are_built([ref('exactly_once', 'payments')]) -%}
{%- set payments = ref('exactly_once', 'payments') -%}
{%- set checked_payments = exactly_once.checked_keys('payments', payments) -%}
{%- set is_in_reach = exactly_once.event_time_from(
    exactly_once.earliest_event_of_payments(
        ref('exactly_once', 'payments'), checked_payments,
        exactly_once._checked_since(exactly_once._mark_to_check_from(payments, exactly_once.recorded_watermark(payments)))
    )
) %}

with checked_payments as (
    {{ checked_payments }}
),

events as (
    {{ exactly_once.payment_events(exactly_once.curated_events(), is_in_reach) }}
),

-- a payment that the table holds twice has twice its totals
from_payments as (
    select
        payments.payment_id,
        sum(payments.event_count) as event_count,
        sum(payments.authorized_cents) as authorized_cents,
        sum(payments.captured_cents) as captured_cents,
        sum(payments.refunded_cents) as refunded_cents,
        sum(payments.chargeback_cents) as chargeback_cents
    from {{ ref('exactly_once', 'payments') }} as payments
    inner join checked_payments on payments.payment_id = checked_payments.payment_id
    group by payments.payment_id
),

from_events as (
    select
        events.payment_id,
        count(*) as event_count,
        {{ exactly_once.lifecycle_amount('authorized') }} as authorized_cents,
        {{ exactly_once.lifecycle_amount('captured') }} as captured_cents,
        {{ exactly_once.lifecycle_amount('refunded') }} as refunded_cents,
        {{ exactly_once.lifecycle_amount('chargeback') }} as chargeback_cents
    from events
    inner join checked_payments on events.payment_id = checked_payments.payment_id
    group by events.payment_id
),

in_payments_alone as (
    select * from from_payments
    except
    select * from from_events
),

in_events_alone as (
    select * from from_events
    except
    select * from from_payments
),

differences as (
    select
        'payments' as found_in,
        in_payments_alone.*
    from in_payments_alone
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
