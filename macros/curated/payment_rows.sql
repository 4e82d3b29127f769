{% macro payment_rows(events) %}
    {#- The row of payments of each payment that a relation of events has. -#}
    select
        payment_id,
        merchant_id,
        currency,
        authorized_cents,
        captured_cents,
        refunded_cents,
        chargeback_cents,
        captured_cents - refunded_cents - chargeback_cents as net_cents,
        event_count,
        case
            when chargeback_count > 0 then 'charged_back'
            when refunded_count > 0 and refunded_cents >= captured_cents then 'refunded'
            when refunded_count > 0 then 'partially_refunded'
            when captured_count > 0 then 'captured'
            when authorized_count > 0 then 'authorized'
            else 'unknown'
        end as status,
        first_event_at,
        last_event_at
    from (
        select
            payment_id,
            min(merchant_id) as merchant_id,
            min(currency) as currency,
            {{ exactly_once.lifecycle_amount('authorized') }} as authorized_cents,
            {{ exactly_once.lifecycle_amount('captured') }} as captured_cents,
            {{ exactly_once.lifecycle_amount('refunded') }} as refunded_cents,
            {{ exactly_once.lifecycle_amount('chargeback') }} as chargeback_cents,
            {{ exactly_once.lifecycle_count('authorized') }} as authorized_count,
            {{ exactly_once.lifecycle_count('captured') }} as captured_count,
            {{ exactly_once.lifecycle_count('refunded') }} as refunded_count,
            {{ exactly_once.lifecycle_count('chargeback') }} as chargeback_count,
            count(*) as event_count,
            min(event_at) as first_event_at,
            max(event_at) as last_event_at
        from {{ events }}
        group by payment_id
    ) as amounts
{%- endmacro %}
