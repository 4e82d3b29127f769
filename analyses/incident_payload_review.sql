{{ config(enabled=exactly_once._is_enabled('incident')) }}
-- the copies of one event side by side, the paths in which they differ marked <>
-- depends_on: {{ ref('exactly_once', 'incident_duplicate_groups') }}
-- depends_on: {{ ref('exactly_once', 'stg_events') }}
{% set columns = exactly_once.source_columns() -%}
{%- set decisions = ref('exactly_once', 'incident_decisions') -%}
{%- set variance = ref('exactly_once', 'incident_payload_variance') -%}
{%- set wanted = var('event_fingerprint', none) -%}
{%- set most_paths = 40 -%}
{%- set found = [] -%}
{#- first what is under review, and of that what differs most -#}
{%- if execute and exactly_once._is_there(decisions) -%}
    {%- set found = exactly_once._ask(
        'select decided.event_fingerprint, payload_variance.differing_paths, count(*) from ' ~ decisions ~ ' as decided'
        ~ ' left join ' ~ variance ~ ' as payload_variance'
        ~ ' on decided.event_fingerprint = payload_variance.event_fingerprint'
        ~ (' where decided.event_fingerprint = ' ~ exactly_once.text_literal(wanted) if wanted else '')
        ~ ' group by decided.event_fingerprint, payload_variance.differing_paths, payload_variance.variance_score'
        ~ " order by max(case decided.decision when 'review' then 1 else 0 end) desc,"
        ~ ' coalesce(payload_variance.variance_score, -1) desc, decided.event_fingerprint limit 1'
    ).rows -%}
{%- endif -%}
{%- if not found %}
{%- set nothing = 'incident_decisions has no copies' ~ (' of this event' if wanted else '') %}
select
    '' as differs,
    '{{ nothing }}' as payload_path
{%- else -%}
{%- set fingerprint = exactly_once.text_literal(found[0][0]) -%}
{%- set copy_count = found[0][2] | int -%}
{%- set most_copies = 10 -%}
{%- set places = range(1, [copy_count, most_copies] | min + 1) -%}
{%- set lines = [
    ('', 'arrival', 'cast(' ~ columns.arrival_time.sql ~ ' as varchar)'),
    ('', 'event_id', 'cast(' ~ exactly_once.event_id_or_null(columns) ~ ' as varchar)'),
    ('', 'decision', 'decision'),
    ('', 'reason', 'reason')
] -%}
{%- set paths = fromjson(found[0][1] or '[]') -%}
{%- for path in paths[:most_paths] -%}
    {#- an array is shown as a whole, and so is the payload where a name is in quotes -#}
    {%- set plain = modules.re.match('[A-Za-z_-][A-Za-z0-9_-]*([.][A-Za-z_-][A-Za-z0-9_-]*)*(?=[.]|$)', path) -%}
    {%- set value = exactly_once.payload_text(columns.payload, plain.group(0)) if plain
        else exactly_once.whole_payload(columns.payload) -%}
    {%- do lines.append(('<>', path, value)) -%}
{%- endfor -%}
{%- if paths | length > most_paths -%}
    {%- set more = 'and ' ~ (paths | length - most_paths) ~ ' more paths' -%}
    {%- do lines.append(('<>', more, 'cast(null as varchar)')) -%}
{%- endif -%}
{%- if copy_count > most_copies -%}
    {%- set more = 'and ' ~ (copy_count - most_copies) ~ ' more copies' -%}
    {%- do lines.append(('', more, 'cast(null as varchar)')) -%}
{%- endif -%}
{%- if columns.payload is not none -%}
    {%- do lines.append(('', 'whole payload', exactly_once.whole_payload(columns.payload))) -%}
{%- endif %}

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

lines as (
    {% for mark, path, _ in lines -%}
    select
        {{ loop.index }} as line_number,
        '{{ mark }}' as differs,
        {{ exactly_once.text_literal(path) }} as payload_path
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- the copies are read once for all lines
said as (
    select
        lines.line_number,
        lines.differs,
        lines.payload_path,
        copies.copy_place,
        case lines.line_number
            {%- for _, _, value in lines %}
            when {{ loop.index }} then {{ value }}
            {%- endfor %}
        end as value
    from copies
    cross join lines
    where copies.copy_place <= {{ places[-1] }}
),

side_by_side as (
    select
        line_number,
        differs,
        payload_path
        {%- for place in places %},
        max(case when copy_place = {{ place }} then value end) as copy_{{ place }}
        {%- endfor %}
    from said
    group by line_number, differs, payload_path
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
