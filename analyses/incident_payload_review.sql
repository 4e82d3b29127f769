-- the copies of one event side by side, the paths in which they differ marked <>
-- depends_on: {{ ref('exactly_once', 'incident_decisions') }}
-- depends_on: {{ ref('exactly_once', 'incident_duplicate_groups') }}
-- depends_on: {{ ref('exactly_once', 'stg_events') }}
{% set columns = exactly_once.source_columns() -%}
{%- set variance = ref('exactly_once', 'incident_payload_variance') -%}
{%- set wanted = var('event_fingerprint', none) -%}
{%- set found = [] -%}
{%- if execute and columns.payload is not none and exactly_once._is_there(variance) -%}
    {%- set found = exactly_once._ask(
        'select event_fingerprint, differing_paths, copy_count from ' ~ variance
        ~ (' where event_fingerprint = ' ~ exactly_once.text_literal(wanted) if wanted else '')
        ~ " order by case verdict when 'review' then 1 else 2 end, variance_score desc, event_fingerprint limit 1"
    ).rows -%}
{%- endif -%}
{%- if not found %}
select
    cast(null as varchar) as differs,
    cast(null as varchar) as payload_path
where false
{%- else -%}
{%- set fingerprint = exactly_once.text_literal(found[0][0]) -%}
{%- set places = range(1, [found[0][2] | int, 10] | min + 1) -%}
{%- set lines = [
    ('', 'arrival', 'cast(' ~ columns.arrival_time.sql ~ ' as varchar)'),
    ('', 'event_id', 'cast(' ~ exactly_once.event_id_or_null(columns) ~ ' as varchar)'),
    ('', 'decision', 'decision'),
    ('', 'reason', 'reason')
] -%}
{%- for path in fromjson(found[0][1]) -%}
    {#- an array is shown as a whole, and so is the payload where a name is in quotes -#}
    {%- set plain = modules.re.match('[A-Za-z_-][A-Za-z0-9_-]*([.][A-Za-z_-][A-Za-z0-9_-]*)*(?=[.]|$)', path) -%}
    {%- set value = exactly_once.payload_text(columns.payload, plain.group(0)) if plain
        else exactly_once.whole_payload(columns.payload) -%}
    {%- do lines.append(('<>', path, value)) -%}
{%- endfor -%}
{%- do lines.append(('', 'whole payload', exactly_once.whole_payload(columns.payload))) %}

with decided as (
    select
        row_hash,
        decision,
        reason,
        row_number() over (
            order by {{ columns.arrival_time.sql }} asc nulls last, row_hash asc, copy_number asc
        ) as copy_place
    from {{ ref('exactly_once', 'incident_decisions') }}
    where event_fingerprint = {{ fingerprint }}
),

events as (
    select * from {{ ref('exactly_once', 'stg_events') }}
    where
        event_fingerprint = {{ fingerprint }}
        and {{ exactly_once.same_event_times(
            ref('exactly_once', 'incident_duplicate_groups'), 'event_fingerprint = ' ~ fingerprint
        ) }}
    qualify row_number() over (partition by row_hash order by row_hash) = 1
),

copies as (
    select
        events.*,
        decided.decision,
        decided.reason,
        decided.copy_place
    from decided
    inner join events on decided.row_hash = events.row_hash
),

side_by_side as (
    {% for mark, path, value in lines -%}
    select
        {{ loop.index }} as line_number,
        '{{ mark }}' as differs,
        {{ exactly_once.text_literal(path) }} as payload_path
        {%- for place in places %},
        max(case when copy_place = {{ place }} then {{ value }} end) as copy_{{ place }}
        {%- endfor %}
    from copies
    {% if not loop.last %}
    union all
    {% endif -%}
    {% endfor %}
)

select
    differs,
    payload_path
    {%- for place in places %},
    copy_{{ place }}
    {%- endfor %}
from side_by_side
order by line_number
{%- endif %}
