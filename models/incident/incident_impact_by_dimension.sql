{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set dimensions = exactly_once.impact_dimensions() %}

-- rows of one hash agree in every column
with copies as (
    select distinct
        {% for dimension in dimensions -%}
        {{ dimension.sql }} as dimension_{{ loop.index }},
        {% endfor -%}
        row_hash
    from {{ ref('stg_events') }}
    where
        event_fingerprint in (
            select duplicate_groups.event_fingerprint
            from {{ ref('incident_duplicate_groups') }} as duplicate_groups
        )
        and {{ exactly_once.same_event_times(ref('incident_duplicate_groups')) }}
),

described as (
    {% for dimension in dimensions -%}
    select
        decisions.*,
        {{ exactly_once.text_literal(dimension.name) }} as dimension,
        copies.dimension_{{ loop.index }} as value
    from {{ ref('incident_decisions') }} as decisions
    inner join copies on decisions.row_hash = copies.row_hash
    union all
    {% endfor -%}
    select
        decisions.*,
        cast(null as varchar) as dimension,
        cast(null as varchar) as value
    from {{ ref('incident_decisions') }} as decisions
    where false
)

select
    incident_id,
    dimension,
    value,
    {{ columns.currency.sql }} as currency,
    {{ exactly_once.impact_measures(columns) }}
from described
where value is not null
group by 1, 2, 3, 4
