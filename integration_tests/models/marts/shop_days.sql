{{
    config(
        alias=exactly_once.curated_alias('shop_days'),
        unique_key=['shop', 'day'],
        incremental_strategy='merge',
        on_schema_change='fail',
        post_hook="{{ exactly_once.record_watermark() }}",
        meta={'impact_measures': ['entry_count', 'captured_minor_units']}
    )
}}
{%- do exactly_once.check_candidate(this) -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set keys = {
    'shop': exactly_once.merchant_id(columns),
    'day': 'cast(' ~ exactly_once.utc_timestamp(columns.event_time) ~ ' as date)'
} -%}
{%- set changed_days = exactly_once.changed_keys(keys) %}

with entries as (
    {{ exactly_once.payment_events(exactly_once.curated_events()) }}
),

shop_entries as (
    select
        merchant_id as shop,
        cast(event_at as date) as day,
        case when {{ exactly_once.event_type_is('captured') }} then amount_cents else 0 end
            as captured_minor_units
    from entries
),

changed_days as (
    {% if is_incremental() -%}
    {{ changed_days }}
    {%- else -%}
    select distinct
        shop,
        day
    from shop_entries
    {%- endif %}
)

-- a day whose entries moved to another shop stays, with none
select
    changed_days.shop,
    changed_days.day,
    count(shop_entries.shop) as entry_count,
    coalesce(sum(shop_entries.captured_minor_units), 0) as captured_minor_units
from changed_days
left join shop_entries
    on
        changed_days.shop = shop_entries.shop
        and changed_days.day = shop_entries.day
group by changed_days.shop, changed_days.day
