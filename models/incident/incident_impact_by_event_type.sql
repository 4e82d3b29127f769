{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() %}

select
    incident_id,
    {{ columns.event_type.sql }} as event_type,
    {{ columns.currency.sql }} as currency,
    {{ exactly_once.impact_measures(columns) }}
from {{ ref('exactly_once', 'incident_decisions') }}
group by 1, 2, 3
