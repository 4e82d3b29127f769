select
    cast("occurred at" as date) as day,
    upper(trim(ccy)) as currency,
    count(*) as captures,
    sum(minor_units) as captured_minor_units
from {{ ref('exactly_once', 'stg_events_counted') }}
where "Kind" in ('CAP', 'SALE')
group by 1, 2
