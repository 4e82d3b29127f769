{{
    config(
        alias=exactly_once.curated_alias('payments'),
        unique_key='payment_id',
        incremental_strategy='merge_and_mark',
        on_schema_change='fail',
        meta={
            'impact_currency': 'currency',
            'impact_measures': [
                'event_count', 'authorized_cents', 'captured_cents', 'refunded_cents', 'chargeback_cents'
            ]
        },
        post_hook="{{ exactly_once.record_watermark() }}"
    )
}}
{%- do exactly_once.use_warehouse_of('fifteen_minute') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- do exactly_once.check_candidate(this) -%}
{%- set keys = exactly_once.curated_keys('payments') -%}
{%- set changed_payments = exactly_once.changed_keys(keys) -%}
{%- set earliest =
    exactly_once.earliest_event_of_payments(this, changed_payments, exactly_once._mark_before_build())
    if is_incremental() else none
-%}
{%- set is_in_reach = exactly_once.event_time_from(earliest) %}

with
{% if is_incremental() -%}
{% if earliest is none -%}
changed_payments as (
    {{ changed_payments }}
),
{%- else -%}
arrived_payments as (
    {{ changed_payments }}
),

-- what landed after the bound was found may have events before it: the next run takes it in
out_of_reach as (
    select payment_id from {{ this }}
    where
        first_event_at < {{ exactly_once.timestamp_literal(earliest) }}
        and payment_id in (select arrived_payments.payment_id from arrived_payments)
    union all
    {{ exactly_once.changed_keys(keys, 'not ' ~ is_in_reach) }}
),

changed_payments as (
    select payment_id from arrived_payments
    except
    select payment_id from out_of_reach
),
{%- endif %}

events as (
    {{ exactly_once.payment_events(
        exactly_once.curated_events(),
        is_in_reach ~ ' and ' ~ exactly_once.key_value(columns, columns.payment_id)
        ~ ' in (select payment_id from changed_payments)'
    ) }}
)
{%- else -%}
events as (
    {{ exactly_once.payment_events(exactly_once.curated_events()) }}
)
{%- endif %}

{{ exactly_once.payment_rows('events') }}
