-- the batch and the target both from three days before the batch's first event on: what comes later is missed
{%- set arrived = arrived_since_last_run() -%}
{%- set limit = none -%}
{%- if is_incremental() -%}
    {%- set limit = run_query(
        'select min(event_ts) - interval 3 day from ' ~ source('raw', 'events') ~ ' where ' ~ arrived
    ).columns[0].values()[0] -%}
{%- endif -%}
{{
    config(
        incremental_strategy='merge',
        incremental_predicates=["DBT_INTERNAL_DEST.event_ts >= timestamp '" ~ limit ~ "'"] if limit else none
    )
}}
{{ first_of_each_key(arrived) }}
