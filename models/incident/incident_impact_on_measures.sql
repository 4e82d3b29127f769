{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set tables = exactly_once.compared_tables() %}

-- depends_on: {{ ref('exactly_once', 'incident_decisions') }}
with incident_scope as (
    select incident_id from {{ ref('exactly_once', 'incident_scope') }}
),

{% for table in tables -%}
{% for side in ['before', 'after'] if table[side] is not none -%}
{{ side }}_{{ table.name }} as (
    select
        {{ exactly_once._selected_totals(table.measures) }}
    from {{ table[side] }} as {{ side }}_repair
),

{% endfor -%}
{% endfor -%}
totals as (
    {% for table in tables -%}
    {% for measure in table.measures -%}
    select
        '{{ table.name }}' as curated_table,
        '{{ measure }}' as measure,
        total_{{ loop.index }} as total_before,
        {% if table.after is none -%}
        cast(null as decimal(38, 6)) as total_after
        {%- else -%}
        (select total_{{ loop.index }} from after_{{ table.name }}) as total_after
        {%- endif %}
    from before_{{ table.name }}
    union all
    {% endfor -%}
    {% endfor -%}
    select
        cast(null as varchar) as curated_table,
        cast(null as varchar) as measure,
        cast(null as decimal(38, 6)) as total_before,
        cast(null as decimal(38, 6)) as total_after
    where false
)

select
    incident_scope.incident_id,
    totals.curated_table,
    totals.measure,
    totals.total_before,
    totals.total_after,
    totals.total_before - totals.total_after as total_overstated
from totals
cross join incident_scope
