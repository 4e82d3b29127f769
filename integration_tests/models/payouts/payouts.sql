{{
    config(
        materialized='incremental',
        incremental_strategy='keep_first',
        unique_key='event_fingerprint',
        meta={'keep_first': payout_parts()}
    )
}}
{%- set copies = ref('payouts_identified') -%}
{%- set columns = exactly_once.relation_columns(copies, **payout_parts()) -%}
{%- set watermark = exactly_once.arrival_watermark(this, columns) if is_incremental() else none -%}

{{ exactly_once.deduplicate(
    copies,
    key='event_fingerprint',
    order_by=['received_at', 'row_hash'],
    predicate=exactly_once.arrived_since(watermark, columns=columns)
) }}
