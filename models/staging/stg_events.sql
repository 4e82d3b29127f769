{%- set columns = exactly_once.source_columns() -%}
{%- set settings = exactly_once.settings() -%}
{%- do exactly_once.refuse_empty_source() -%}
{#- here, before the view gives other fingerprints to what is built on the table -#}
{%- do exactly_once._check_key(columns) -%}
{%- set row_hash = exactly_once.row_hash(columns.all) -%}
{%- set identities = exactly_once._identities(columns, row_hash, settings.payload_identity_paths) %}

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
