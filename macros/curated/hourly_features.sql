{% macro hourly_features(events) %}
    {#- The row of fraud_features of each merchant and hour that a relation of events has. -#}
    select
        merchant_id,
        event_hour,
        authorized_count,
        captured_count,
        refunded_count,
        chargeback_count,
        authorized_cents,
        distinct_payments,
        -- six decimals, rounded: the same digits on every engine
        cast(round(captured_count / cast(nullif(authorized_count, 0) as double), 6) as decimal(18, 6))
            as captures_per_authorization,
        cast(round(chargeback_count / cast(nullif(captured_count, 0) as double), 6) as decimal(18, 6))
            as chargeback_rate
    from (
        select
            merchant_id,
            event_hour,
            {{ exactly_once.lifecycle_count('authorized') }} as authorized_count,
            {{ exactly_once.lifecycle_count('captured') }} as captured_count,
            {{ exactly_once.lifecycle_count('refunded') }} as refunded_count,
            {{ exactly_once.lifecycle_count('chargeback') }} as chargeback_count,
            {{ exactly_once.lifecycle_amount('authorized') }} as authorized_cents,
            count(distinct payment_id) as distinct_payments
        from {{ events }}
        group by 1, 2
    ) as counted
{%- endmacro %}
