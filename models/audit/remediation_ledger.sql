{{
    config(
        incremental_strategy='append',
        full_refresh=false
    )
}}
{%- do exactly_once._own_comment() %}
{%- set columns = exactly_once.ledger_columns() %}

-- depends_on: {{ ref('exactly_once', 'stg_events') }}
-- made empty; the verbs write their steps, each entry chained to the one before by its hash, and
-- keep the last one in the table's comment

select
    {% for name, type in columns.items() if name != 'entry_hash' -%}
    cast(null as {{ type }}) as {{ name }},
    {% endfor -%}
    cast(null as {{ columns.entry_hash }}) as entry_hash
where false
