{{ config(enabled=exactly_once._is_enabled('incident')) }}
{%- set key_is_complete = exactly_once.key_is_complete(exactly_once.source_columns()) -%}
{%- set decisions = '(select *, ' ~ key_is_complete ~ ' as has_complete_key from '
    ~ ref('exactly_once', 'incident_decisions') ~ ') as decisions' -%}
-- whom to tell first: the merchants whose reports were most wrong, by currency

with removed_copies as (
    {{ exactly_once.payment_events(decisions, "decision = 'remove'") }}
),

by_merchant as (
    select
        merchant_id,
        currency,
        count(*) as removed_copies,
        count(distinct payment_id) as affected_payments,
        {{ exactly_once.lifecycle_amount('captured') }} as overstated_gmv_cents,
        {{ exactly_once.lifecycle_amount('refunded') }} as overstated_refund_cents,
        {{ exactly_once.lifecycle_count('chargeback') }} as implied_chargebacks,
        {{ exactly_once.lifecycle_amount('chargeback') }} as implied_chargeback_cents
    from removed_copies
    group by merchant_id, currency
)

select *
from (
    select
        row_number() over (
            partition by currency
            order by overstated_gmv_cents desc, removed_copies desc, merchant_id asc
        ) as merchant_rank,
        *
    from by_merchant
) as ranked
where merchant_rank <= 20
order by currency asc, merchant_rank asc
