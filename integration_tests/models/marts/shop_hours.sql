{{
    config(
        materialized='incremental',
        alias=exactly_once.curated_alias('shop_hours'),
        unique_key=['shop', 'event_hour'],
        incremental_strategy='merge_and_mark',
        on_schema_change='fail',
        post_hook="{{ exactly_once.record_watermark() }}",
        tags=['exactly_once_curated'],
        meta={
            'deleted_when': 'entry_count = 0',
            'pruned_by': 'event_hour',
            'impact_measures': ['entry_count', 'captured_minor_units']
        }
    )
}}
{%- do exactly_once.check_candidate(this) -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set keys = {
    'shop': exactly_once.merchant_id(columns),
    'event_hour': "date_trunc('hour', " ~ exactly_once.utc_timestamp(columns.event_time) ~ ')'
} -%}
{%- set changed_hours = exactly_once.changed_keys(keys) -%}
{%- set is_in_reach =
    exactly_once.same_event_hours(changed_hours) if is_incremental() else 'true'
%}

with entries as (
    {{ exactly_once.payment_events(exactly_once.curated_events(), is_in_reach) }}
),

shop_entries as (
    select
        merchant_id as shop,
        date_trunc('hour', event_at) as event_hour,
        case when {{ exactly_once.event_type_is('captured') }} then amount_cents else 0 end
            as captured_minor_units
    from entries
    where event_at is not null
),

changed_hours as (
    {% if is_incremental() -%}
    {{ exactly_once.changed_keys(keys, is_in_reach) }}
    {%- else -%}
    select distinct
        shop,
        event_hour
    from shop_entries
    {%- endif %}
)

-- an hour whose entries moved to another shop has none left: the strategy deletes it
select
    changed_hours.shop,
    changed_hours.event_hour,
    count(shop_entries.shop) as entry_count,
    coalesce(sum(shop_entries.captured_minor_units), 0) as captured_minor_units
from changed_hours
left join shop_entries
    on
        changed_hours.shop = shop_entries.shop
        and changed_hours.event_hour = shop_entries.event_hour
group by changed_hours.shop, changed_hours.event_hour
