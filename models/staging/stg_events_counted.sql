{%- set columns = exactly_once.source_columns() -%}
{%- set kept_event_times = exactly_once.kept_event_times() -%}
{%- set event_columns = columns.all | map(attribute='sql') | join(',\n    ') -%}
-- depends_on: {{ ref('stg_events') }}
-- depends_on: {{ ref('decision_overrides') }}

select
    {{ event_columns }},
    event_fingerprint,
    row_hash,
    has_complete_key
from {{ ref('stg_events_deduplicated') }}
{%- if kept_event_times is not none %}

union all

-- a reviewer found these copies to be events of their own; the first of each group is in the branch above
select
    {{ event_columns }},
    event_fingerprint,
    row_hash,
    has_complete_key
from {{ ref('stg_events') }}
where
    event_fingerprint in (
        select event_fingerprint from {{ ref('decision_overrides') }} where decision = 'keep'
    )
    and {{ kept_event_times }}
qualify row_number() over (
    partition by event_fingerprint
    order by {{ exactly_once.survivor_order(columns) }}
) > 1
{%- endif %}
