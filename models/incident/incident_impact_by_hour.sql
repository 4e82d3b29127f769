{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() %}

select
    incident_id,
    date_trunc('hour', {{ exactly_once.utc_timestamp(columns.event_time) }}) as event_hour,
    {{ columns.currency.sql }} as currency,
    {{ exactly_once.impact_measures(columns) }}
from {{ ref('exactly_once', 'incident_decisions') }}
group by 1, 2, 3
