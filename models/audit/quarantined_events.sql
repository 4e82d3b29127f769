{{
    config(
        incremental_strategy='append',
        full_refresh=false,
        on_schema_change='append_new_columns'
    )
}}
{%- set columns = exactly_once.source_columns() -%}
{%- set record = exactly_once.quarantine_columns() -%}

-- made empty; raw_quarantine moves copies here, whole, and raw_restore puts them back

select
    {% for name, type in record.items() -%}
    cast(null as {{ type }}) as {{ name }},
    {% endfor -%}
    {{ columns.all | map(attribute='sql') | join(',\n    ') }}
from {{ ref('exactly_once', 'stg_events') }}
where false
