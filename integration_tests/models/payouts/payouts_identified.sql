{{ config(materialized='view') }}
{%- set columns = exactly_once.relation_columns(source('bank', 'payouts'), **payout_parts()) -%}
{%- set is_complete = exactly_once.key_is_complete(columns) -%}
{%- set row_hash = exactly_once.row_hash(columns.all) -%}

select
    {{ columns.all | map(attribute='sql') | join(',\n    ') }},
    case
        when {{ is_complete }} then {{ exactly_once.fingerprint(columns.key) }}
        else {{ exactly_once.fingerprint_without_key(none, row_hash) }}
    end as event_fingerprint,
    {{ row_hash }} as row_hash,
    {{ is_complete }} as has_complete_key
from {{ source('bank', 'payouts') }}
