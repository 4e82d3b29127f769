{%- set columns = exactly_once.source_columns() -%}
{%- set settings = exactly_once.settings() -%}
{%- do exactly_once.refuse_empty_source() -%}
{%- set is_complete -%}
    ({% for column in columns.key %}{{ column.sql }} is not null{{ ' and ' if not loop.last }}{% endfor %})
{%- endset -%}
{%- set row_hash = exactly_once.row_hash(columns.all) -%}

{#- How an event is identified: [which rows, fingerprint]. Each row falls in exactly one of them. -#}
{%- set identities = [[
    is_complete,
    exactly_once.fingerprint(columns.key, columns.payload, settings.payload_identity_paths)
]] -%}
{%- if columns.event_id is not none -%}
    {%- do identities.append([
        'not ' ~ is_complete ~ ' and ' ~ columns.event_id.sql ~ ' is not null',
        exactly_once.fingerprint_without_key(columns.event_id, row_hash)
    ]) -%}
{%- endif -%}
{%- do identities.append([
    'not ' ~ is_complete ~ (' and ' ~ columns.event_id.sql ~ ' is null' if columns.event_id is not none else ''),
    exactly_once.fingerprint_without_key(none, row_hash)
]) -%}

-- one branch an identity, so that to read the fingerprints of complete keys is to read the key columns alone
{% for is_identified_so, fingerprint in identities -%}
select
    {% for column in columns.all -%}
        {{ column.sql }},
    {% endfor -%}
    {{ fingerprint }} as event_fingerprint,
    {{ row_hash }} as row_hash,
    {{ 'true' if loop.first else 'false' }} as has_complete_key
from {{ source('exactly_once', 'events') }}
where {{ is_identified_so }}
{% if not loop.last %}
union all
{% endif -%}
{% endfor %}
