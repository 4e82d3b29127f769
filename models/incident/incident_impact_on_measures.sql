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
        {{ table.currency or 'cast(null as varchar)' }} as currency,
        {{ exactly_once._selected_totals(table.measures) }}
    from {{ table[side] }} as {{ side }}_repair
    {%- if table.currency is not none %}
    group by {{ table.currency }}
    {%- endif %}
),

{% endfor -%}
currencies_of_{{ table.name }} as (
    select currency from before_{{ table.name }}
    {%- if table.after is not none %}
    union distinct
    select currency from after_{{ table.name }}
    {%- endif %}
),

{% endfor -%}
totals as (
    {% for table in tables -%}
    {% for measure in table.measures -%}
    {%- set place = loop.index %}
    select
        '{{ table.name }}' as curated_table,
        '{{ measure }}' as measure,
        currencies.currency,
        {% for side in ['before', 'after'] -%}
        {% if table[side] is none -%}
        cast(null as decimal(38, 6)) as total_{{ side }}
        {%- else -%}
        -- the first total is the number of rows: none of this currency is a total of nothing
        case
            when {{ side }}_repair.total_1 is null then 0
            else {{ side }}_repair.total_{{ place }}
        end as total_{{ side }}
        {%- endif %}
        {%- if not loop.last %},{% endif %}
        {% endfor -%}
    from currencies_of_{{ table.name }} as currencies
    {% for side in ['before', 'after'] if table[side] is not none -%}
    left join {{ side }}_{{ table.name }} as {{ side }}_repair
        on currencies.currency is not distinct from {{ side ~ '_repair' }}.currency
    {% endfor -%}
    union all
    {% endfor -%}
    {% endfor -%}
    select
        cast(null as varchar) as curated_table,
        cast(null as varchar) as measure,
        cast(null as varchar) as currency,
        cast(null as decimal(38, 6)) as total_before,
        cast(null as decimal(38, 6)) as total_after
    where false
)

select
    incident_scope.incident_id,
    totals.curated_table,
    totals.measure,
    totals.currency,
    totals.total_before,
    totals.total_after,
    totals.total_before - totals.total_after as total_overstated
from totals
cross join incident_scope
