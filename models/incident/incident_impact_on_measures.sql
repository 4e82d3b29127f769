{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set tables = exactly_once.compared_tables() %}

-- depends_on: {{ ref('exactly_once', 'incident_decisions') }}
with incident_scope as (
    select incident_id from {{ ref('exactly_once', 'incident_scope') }}
),

totals as (
    {% for table in tables -%}
    {% for side in ['before', 'after'] if table[side] is not none -%}
    {% for measure, total in table.measures.items() -%}
    select
        '{{ table.name }}' as curated_table,
        '{{ measure }}' as measure,
        '{{ side }}' as side,
        cast({{ total }} as decimal(38, 6)) as total
    from {{ table[side] }} as {{ side }}_repair
    union all
    {% endfor -%}
    {% endfor -%}
    {% endfor -%}
    select
        cast(null as varchar) as curated_table,
        cast(null as varchar) as measure,
        cast(null as varchar) as side,
        cast(null as decimal(38, 6)) as total
    where false
),

compared as (
    select
        curated_table,
        measure,
        max(case when side = 'before' then total end) as total_before,
        max(case when side = 'after' then total end) as total_after
    from totals
    group by curated_table, measure
)

select
    incident_scope.incident_id,
    compared.curated_table,
    compared.measure,
    compared.total_before,
    compared.total_after,
    compared.total_before - compared.total_after as total_overstated
from compared
cross join incident_scope
