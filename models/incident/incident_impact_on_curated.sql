{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set payments = ref('exactly_once', 'payments') -%}
{%- set fraud_features = ref('exactly_once', 'fraud_features') -%}
{%- set payments_before = exactly_once.table_before_repair(payments) -%}
{%- set fraud_features_before = exactly_once.table_before_repair(fraud_features) %}
with incident_scope as (
    select incident_id from {{ ref('exactly_once', 'incident_scope') }}
),

affected_events as (
    {{ exactly_once.repaired_events() }}
),

affected_payments as (
    select distinct payment_id from affected_events
),

affected_hours as (
    select distinct
        merchant_id,
        date_trunc('hour', event_at) as event_hour
    from affected_events
),

clean_events as (
    {{ exactly_once.counted_near_repair(payments_before) }}
),

payments_before as (
    select
        before_repair.currency,
        count(*) as row_count,
        sum(before_repair.captured_cents) as gmv_cents
    from {{ payments_before }} as before_repair
    inner join affected_payments on before_repair.payment_id = affected_payments.payment_id
    group by before_repair.currency
),

clean_payments as (
    select
        payment_id,
        min(currency) as currency,
        {{ exactly_once.lifecycle_amount('captured') }} as captured_cents
    from clean_events
    where payment_id in (select affected_payments.payment_id from affected_payments)
    group by payment_id
),

payments_after as (
    select
        currency,
        count(*) as row_count,
        sum(captured_cents) as gmv_cents
    from clean_payments
    group by currency
),

payments_impact as (
    select
        'payments' as curated_table,
        'captured_cents' as gmv_measure,
        payments_after.currency,
        coalesce(payments_before.row_count, 0) as rows_before,
        payments_after.row_count as rows_after,
        coalesce(payments_before.gmv_cents, 0) as gmv_cents_before,
        payments_after.gmv_cents as gmv_cents_after,
        payments_after.row_count as affected_payments
    from payments_after
    left join payments_before on payments_after.currency = payments_before.currency
),

hours_before as (
    select
        count(*) as row_count,
        coalesce(sum(before_repair.authorized_cents), 0) as gmv_cents
    from {{ fraud_features_before }} as before_repair
    inner join affected_hours
        on
            before_repair.merchant_id = affected_hours.merchant_id
            and before_repair.event_hour = affected_hours.event_hour
),

hours_after as (
    select
        count(distinct clean_events.merchant_id || cast(affected_hours.event_hour as varchar))
            as row_count,
        {{ exactly_once.lifecycle_amount('authorized') }} as gmv_cents
    from clean_events
    inner join affected_hours
        on
            clean_events.merchant_id = affected_hours.merchant_id
            and date_trunc('hour', clean_events.event_at) = affected_hours.event_hour
),

affected_payment_count as (
    select count(*) as affected_payments from affected_payments
),

fraud_features_impact as (
    select
        'fraud_features' as curated_table,
        'authorized_cents' as gmv_measure,
        cast(null as varchar) as currency,
        hours_before.row_count as rows_before,
        hours_after.row_count as rows_after,
        hours_before.gmv_cents as gmv_cents_before,
        hours_after.gmv_cents as gmv_cents_after,
        affected_payment_count.affected_payments
    from hours_before
    cross join hours_after
    cross join affected_payment_count
),

impact as (
    select * from payments_impact
    union all
    select * from fraud_features_impact
)

select
    incident_scope.incident_id,
    impact.curated_table,
    impact.gmv_measure,
    impact.currency,
    impact.affected_payments,
    impact.rows_before,
    impact.rows_after,
    impact.gmv_cents_before,
    impact.gmv_cents_after,
    impact.gmv_cents_before - impact.gmv_cents_after as gmv_cents_overstated
from impact
cross join incident_scope
