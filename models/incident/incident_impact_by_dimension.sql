{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set dimensions = exactly_once.impact_dimensions() %}

-- one row a hash, so that no decision is counted twice
with copies as (
    select
        {% for dimension in dimensions -%}
        coalesce(min({{ dimension.sql }}), '(none)') as dimension_{{ loop.index }},
        count({{ dimension.sql }}) as told_{{ loop.index }},
        {% endfor -%}
        row_hash
    from {{ ref('exactly_once', 'stg_events') }}
    where
        event_fingerprint in (
            select duplicate_groups.event_fingerprint
            from {{ ref('exactly_once', 'incident_duplicate_groups') }} as duplicate_groups
        )
        and {{ exactly_once.same_event_times(ref('exactly_once', 'incident_duplicate_groups')) }}
    group by row_hash
),

decisions as (
    select
        incident_id,
        event_fingerprint,
        row_hash,
        decision,
        {{ columns.payment_id.sql }},
        {{ columns.amount.sql }},
        {{ columns.currency.sql }} as copy_currency
    from {{ ref('exactly_once', 'incident_decisions') }}
)

{% for dimension in dimensions -%}
select
    decisions.incident_id,
    {{ exactly_once.text_literal(dimension.name) }} as dimension,
    copies.dimension_{{ loop.index }} as value,
    decisions.copy_currency as currency,
    {{ exactly_once.impact_measures(columns) }}
from decisions
inner join copies on decisions.row_hash = copies.row_hash
where
    exists (
        select 1 from copies as known
        where known.told_{{ loop.index }} > 0
    )
group by decisions.incident_id, copies.dimension_{{ loop.index }}, decisions.copy_currency

union all

{% endfor -%}
select
    incident_id,
    cast(null as varchar) as dimension,
    cast(null as varchar) as value,
    copy_currency as currency,
    {{ exactly_once.impact_measures(columns) }}
from decisions
where false
group by incident_id, copy_currency
