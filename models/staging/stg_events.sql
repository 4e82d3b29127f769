{%- set columns = exactly_once.source_columns() -%}
{%- set settings = exactly_once.settings() -%}
{%- do exactly_once.refuse_empty_source() -%}
{#- here, before the view gives other fingerprints to what is built on the table -#}
{%- if not flags.FULL_REFRESH -%}{%- do exactly_once.refuse_other_key(columns) -%}{%- endif -%}
{%- set is_complete = exactly_once.key_is_complete(columns) -%}
{%- set event_id = exactly_once.event_id_or_null(columns) -%}
{%- set row_hash = exactly_once.row_hash(columns.all) -%}

{#- How an event is identified: [which rows, fingerprint]. Each row falls in just one of them. -#}
{%- set identities = [[
    is_complete,
    exactly_once.fingerprint(columns.key, columns.payload, settings.payload_identity_paths)
]] -%}
{%- if columns.event_id is not none -%}
    {%- do identities.append([
        'not ' ~ is_complete ~ ' and ' ~ event_id ~ ' is not null',
        exactly_once.fingerprint_without_key(columns.event_id, row_hash)
    ]) -%}
{%- endif -%}
{%- do identities.append([
    'not ' ~ is_complete ~ ' and ' ~ event_id ~ ' is null',
    exactly_once.fingerprint_without_key(none, row_hash)
]) %}

-- one branch an identity: to read the fingerprints of complete keys reads the key columns alone
{% for is_identified_so, fingerprint in identities -%}
select
    {{ columns.all | map(attribute='sql') | join(',\n    ') }},
    {{ fingerprint }} as event_fingerprint,
    {{ row_hash }} as row_hash,
    {{ 'true' if loop.first else 'false' }} as has_complete_key
from {{ source('exactly_once', 'events') }}
where {{ is_identified_so }}
{% if not loop.last %}
union all
{% endif -%}
{% endfor %}
