{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set payments = ref('exactly_once', 'payments') -%}
{%- set fraud_features = ref('exactly_once', 'fraud_features') -%}
{%- set payments_before = exactly_once.table_before_repair(payments) -%}
{%- set fraud_features_before = exactly_once.table_before_repair(fraud_features) -%}
{%- set groups = ref('exactly_once', 'incident_duplicate_groups') -%}
{%- set is_in_reach = exactly_once.same_event_times(groups) -%}
{%- set is_in_payments = exactly_once.taken_in_by(payments_before) -%}
{%- set is_in_hours = exactly_once.taken_in_by(fraud_features_before) -%}
{%- set event_time_is_in_key =
    columns.key | rejectattr('cast') | selectattr('name', 'equalto', columns.event_time.name) | list
%}
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

payments_before as (
    select
        before_repair.payment_id,
        before_repair.currency,
        before_repair.captured_cents,
        before_repair.last_event_at
    from {{ payments_before }} as before_repair
    inner join affected_payments on before_repair.payment_id = affected_payments.payment_id
),

counted_events as (
    {{ exactly_once.counted_near_repair(payments_before, is_in_payments) }}
),

clean_events as (
    select counted_events.*
    from counted_events
    inner join affected_payments on counted_events.payment_id = affected_payments.payment_id
    {%- if event_time_is_in_key %}
    left join payments_before on counted_events.payment_id = payments_before.payment_id
    -- what arrived in time and landed later: the payment's row had no event so late
    where coalesce(counted_events.event_at <= payments_before.last_event_at, true)
    {%- endif %}
),

clean_payments as (
    select
        payment_id,
        min(currency) as currency,
        {{ exactly_once.lifecycle_amount('captured') }} as captured_cents
    from clean_events
    group by payment_id
),

distinct_events as (
    {{ exactly_once.distinct_copies(is_in_payments) }}
),

distinct_payments as (
    select
        payment_id,
        min(currency) as currency,
        {{ exactly_once.lifecycle_amount('captured') }} as captured_cents
    from distinct_events
    group by payment_id
),

compared_payments as (
    select
        'before' as side,
        payment_id,
        currency,
        captured_cents
    from payments_before
    union all
    select
        'after' as side,
        payment_id,
        currency,
        captured_cents
    from clean_payments
    union all
    select
        'distinct' as side,
        distinct_payments.payment_id,
        coalesce(clean_payments.currency, distinct_payments.currency) as currency,
        distinct_payments.captured_cents
    from distinct_payments
    left join clean_payments on distinct_payments.payment_id = clean_payments.payment_id
),

payments_impact as (
    select
        'payments' as curated_table,
        'captured_cents' as gmv_measure,
        currency,
        count(case when side = 'before' then 1 end) as rows_before,
        count(case when side = 'after' then 1 end) as rows_after,
        coalesce(sum(case when side = 'before' then captured_cents end), 0) as gmv_cents_before,
        coalesce(sum(case when side = 'after' then captured_cents end), 0) as gmv_cents_after,
        coalesce(sum(case when side = 'distinct' then captured_cents end), 0)
            as gmv_cents_distinct,
        count(distinct payment_id) as affected_payments
    from compared_payments
    group by currency
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

events_in_hours as (
    {{ exactly_once.payment_events(
        ref('exactly_once', 'stg_events_counted'), is_in_reach ~ ' and ' ~ is_in_hours
    ) }}
),

hours_after as (
    select
        count(
            distinct events_in_hours.merchant_id || ' '
            || cast({{ exactly_once.epoch_micros('affected_hours.event_hour') }} as varchar)
        ) as row_count,
        {{ exactly_once.lifecycle_amount('authorized') }} as gmv_cents
    from events_in_hours
    inner join affected_hours
        on
            events_in_hours.merchant_id = affected_hours.merchant_id
            and date_trunc('hour', events_in_hours.event_at) = affected_hours.event_hour
),

distinct_in_hours as (
    {{ exactly_once.distinct_copies(is_in_hours) }}
),

hours_distinct as (
    select {{ exactly_once.lifecycle_amount('authorized') }} as gmv_cents
    from distinct_in_hours
    where event_at is not null
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
        hours_distinct.gmv_cents as gmv_cents_distinct,
        affected_payment_count.affected_payments
    from hours_before
    cross join hours_after
    cross join hours_distinct
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
    impact.gmv_cents_distinct,
    impact.gmv_cents_before - impact.gmv_cents_after - impact.gmv_cents_distinct
        as gmv_cents_overstated
from impact
cross join incident_scope
