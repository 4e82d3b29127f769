{% macro first_of_each_key(arrivals) %}
    {#- The first copy of each business key among the arrivals, keyed as dbt_utils.generate_surrogate_key does. -#}
    {%- do ref('warm_up') -%}
    {%- set key = [] -%}
    {%- for column in ['payment_id', 'event_type', 'amount_cents', 'currency', 'event_ts'] -%}
        {%- do key.append("coalesce(cast(" ~ column ~ " as varchar), '_null_')") -%}
    {%- endfor %}
select
    md5({{ key | join(" || '-' || ") }}) as event_key,
    *
from {{ source('raw', 'events') }}
where {{ arrivals }}
qualify row_number() over (partition by event_key order by ingest_ts, event_id) = 1
{% endmacro %}


{% macro arrived_since_last_run() %}
    {#- What the table has not seen yet, by arrival time. -#}
    {%- if not is_incremental() -%}{{- return('true') -}}{%- endif -%}
    {%- set last = run_query('select max(ingest_ts) from ' ~ this).columns[0].values()[0] -%}
    {{- return("ingest_ts > timestamp '" ~ last ~ "'") -}}
{% endmacro %}
