{{
    config(
        incremental_strategy='append',
        full_refresh=false
    )
}}
{%- do exactly_once.check_candidates() %}

-- depends_on: {{ ref('exactly_once', 'stg_events') }}
-- made empty; the post-hook of each curated model writes its row: see record_watermark

select
    cast(null as varchar) as relation_name,
    {{ exactly_once.null_timestamp() }} as arrival_watermark,
    cast(null as varchar) as generation,
    cast(null as varchar) as repaired_for,
    cast(null as varchar) as last_run,
    cast(null as varchar) as built_with,
    cast(null as varchar) as read_again
where false
