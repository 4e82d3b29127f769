{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set most_events = 20000 -%}
{%- set in_sample = exactly_once.sampled_in_window(most_events) -%}
{%- set fewest_events, smallest_support, most_causes = 10, 0.01, 20 -%}
{%- set smallest_share = 0.01 -%}
{%- set most_suspects, most_extended = 100, 12 -%}
{%- set price_of_a_condition = 0.02 -%}
{%- set explains_little, most_of_copies = 0.3, 5 -%}
{%- set is_common_enough = 'counted.repeated_events >= greatest(' ~ fewest_events ~ ', '
    ~ smallest_support ~ ' * totals.repeated_count)' -%}
{%- set payload_name = columns.payload.name | lower if columns.payload is not none -%}
{%- set most_names = exactly_once.settings().cause_path_names -%}
{%- set payload_prefix = exactly_once.text_literal(payload_name ~ '.') -%}
{%- set dimensions = exactly_once.cause_columns() -%}
{%- set groups = ref('exactly_once', 'incident_duplicate_groups') -%}
{%- set described_by = [] -%}
{%- for dimension in dimensions -%}
{%- do described_by.append(dimension.sql ~ ' as dimension_' ~ loop.index) -%}
{%- endfor -%}
{%- if columns.payload is not none %}
{%- do described_by.append(columns.payload.sql) -%}
{%- endif %}
-- depends_on: {{ ref('payload_field_policy') }}
-- depends_on: {{ ref('exactly_once', 'incident_scope') }}
-- depends_on: {{ ref('exactly_once', 'incident_duplicate_rate') }}

with sampled_events as (
    select
        {{ described_by | join(',\n        ') }},
        event_fingerprint
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where has_complete_key and {{ in_sample }}
),

repeated as (
    select
        event_fingerprint,
        {{ columns.event_time.sql }}
    from {{ groups }}
    where event_fingerprint in (select sampled_events.event_fingerprint from sampled_events)
),

sampled as (
    select
        sampled_events.*,
        case when repeated.event_fingerprint is null then 0 else 1 end as is_repeated
    from sampled_events
    left join repeated on sampled_events.event_fingerprint = repeated.event_fingerprint
),

-- the first copy that should not be there: who sent it may not be who sent the event
sent_again as (
    select
        {{ described_by | join(',\n        ') }},
        event_fingerprint
    from {{ ref('exactly_once', 'stg_events') }}
    where
        has_complete_key
        and {{ exactly_once.sampled_in_window(most_events, copies=true) }}
        and {{ exactly_once.among_event_times('repeated') }}
        and event_fingerprint in (select repeated.event_fingerprint from repeated)
    qualify row_number() over (
        partition by event_fingerprint
        order by {{ exactly_once.survivor_order(columns) }}
    ) = 2
),

totals as (
    select
        count(*) as event_count,
        sum(is_repeated) as repeated_count
    from sampled
),

{% if columns.payload is not none -%}
payload_values_again as (
    select *
    from (
        {{ exactly_once.payload_leaves(
            'sent_again', 'event_fingerprint', columns.payload, most_names
        ) }}
    ) as leaves_again
    where not {{ exactly_once.is_volatile_path('path', exactly_once.volatile_paths()) }}
),

payload_values as (
    {{ exactly_once.payload_leaves('sampled', 'event_fingerprint', columns.payload, most_names) }}
),

{% endif -%}
-- a value is cut, and a key that comes twice may have the same one twice
{% for described, events, payload_values in [
    ('described', 'sampled', 'payload_values'),
    ('described_again', 'sent_again', 'payload_values_again')
] -%}
{{ described }} as (
    {% for dimension in dimensions -%}
    select
        event_fingerprint,
        {{ exactly_once.text_literal(dimension.name | lower) }} as dimension,
        {{ exactly_once.text_literal((dimension.name | lower) ~ ' = ') }}
        || substr(cast(dimension_{{ loop.index }} as varchar), 1, 100) as condition_text
    from {{ events }}
    where dimension_{{ loop.index }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor -%}
    {%- if columns.payload is not none %}
    union all
    select distinct
        event_fingerprint,
        {{ payload_prefix }} || path as dimension,
        {{ payload_prefix }} || path || ' = ' || substr(value, 1, 100) as condition_text
    from {{ payload_values }}
    {%- endif %}
),

{% endfor -%}
-- what the first copy after the survivor says otherwise than the survivor
said_again as (
    select * from described_again
    except
    select * from described
),

counted_again as (
    select
        condition_text,
        count(*) as matching_events,
        count(*) as repeated_events
    from said_again
    group by condition_text
),

scored_again as (
    select
        counted.*,
        {{ exactly_once.association() }} as association
    from counted_again as counted
    cross join totals
    where {{ is_common_enough }}
),

marks_of_copies as (
    select * from scored_again
    where association >= {{ explains_little }}
    qualify
        row_number() over (order by association desc, condition_text asc) <= {{ most_of_copies }}
),

values_counted as (
    select
        described.dimension,
        described.condition_text,
        0 as is_absence,
        count(*) as matching_events,
        sum(sampled.is_repeated) as repeated_events
    from described
    inner join sampled on described.event_fingerprint = sampled.event_fingerprint
    group by described.dimension, described.condition_text
),

dimensions_counted as (
    select
        described.dimension,
        count(distinct described.event_fingerprint) as matching_events,
        count(distinct case when sampled.is_repeated = 1 then described.event_fingerprint end)
            as repeated_events
    from described
    inner join sampled on described.event_fingerprint = sampled.event_fingerprint
    group by described.dimension
),

-- the events that lack what others have are the rest: nothing is joined to count them
absences_counted as (
    select
        dimensions_counted.dimension,
        dimensions_counted.dimension || ' is missing' as condition_text,
        1 as is_absence,
        totals.event_count - dimensions_counted.matching_events as matching_events,
        totals.repeated_count - dimensions_counted.repeated_events as repeated_events
    from dimensions_counted
    cross join totals
    where dimensions_counted.matching_events >= {{ smallest_share }} * totals.event_count
),

counted as (
    select * from values_counted
    union all
    select * from absences_counted
),

conditions_scored as (
    select
        counted.*,
        {{ exactly_once.association() }} as association
    from counted
    cross join totals
    where {{ is_common_enough }}
),

-- the conditions that tell most, the best first; a value before an absence that tells as much
suspects as (
    select
        *,
        row_number() over (
            order by association desc, is_absence asc, condition_text asc
        ) as suspect_number
    from conditions_scored
    where association > 0
    qualify suspect_number <= {{ most_suspects }}
),

traits as (
    select
        described.event_fingerprint,
        sampled.is_repeated,
        suspects.suspect_number
    from described
    inner join sampled on described.event_fingerprint = sampled.event_fingerprint
    inner join suspects
        on
            described.dimension = suspects.dimension
            and described.condition_text = suspects.condition_text
    where suspects.is_absence = 0
    union all
    select
        sampled.event_fingerprint,
        sampled.is_repeated,
        suspects.suspect_number
    from sampled
    cross join suspects
    left join described
        on
            sampled.event_fingerprint = described.event_fingerprint
            and suspects.dimension = described.dimension
    where suspects.is_absence = 1 and described.dimension is null
),

-- a beam search: the best are extended by any suspect, then the best of what that gives
pairs_counted as (
    select
        traits_1.suspect_number as first_suspect,
        traits_2.suspect_number as second_suspect,
        count(*) as matching_events,
        sum(traits_1.is_repeated) as repeated_events
    from traits as traits_1
    inner join traits as traits_2
        on
            traits_1.event_fingerprint = traits_2.event_fingerprint
            and traits_1.suspect_number < traits_2.suspect_number
    where traits_1.suspect_number <= {{ most_extended }}
    group by traits_1.suspect_number, traits_2.suspect_number
),

pairs_scored as (
    select
        counted.*,
        {{ exactly_once.association() }} as association
    from pairs_counted as counted
    cross join totals
    where {{ is_common_enough }}
),

-- a further condition has to earn its place
pairs as (
    select
        pairs_scored.*,
        row_number() over (
            order by
                pairs_scored.association desc,
                pairs_scored.first_suspect asc,
                pairs_scored.second_suspect asc
        ) as pair_number
    from pairs_scored
    inner join suspects on pairs_scored.first_suspect = suspects.suspect_number
    where pairs_scored.association - suspects.association > {{ price_of_a_condition }}
),

events_of_pairs as (
    select
        traits_1.event_fingerprint,
        traits_1.is_repeated,
        pairs.first_suspect,
        pairs.second_suspect,
        pairs.association
    from pairs
    inner join traits as traits_1 on pairs.first_suspect = traits_1.suspect_number
    inner join traits as traits_2
        on
            traits_1.event_fingerprint = traits_2.event_fingerprint
            and pairs.second_suspect = traits_2.suspect_number
    where pairs.pair_number <= {{ most_extended }}
),

extended as (
    select
        pairs.first_suspect,
        pairs.second_suspect,
        traits.suspect_number as third_suspect,
        pairs.association as association_of_pair,
        count(*) as matching_events,
        sum(pairs.is_repeated) as repeated_events
    from events_of_pairs as pairs
    inner join traits
        on
            pairs.event_fingerprint = traits.event_fingerprint
            and traits.suspect_number not in (pairs.first_suspect, pairs.second_suspect)
    group by
        pairs.first_suspect, pairs.second_suspect, traits.suspect_number, pairs.association
),

in_order as (
    select
        least(first_suspect, third_suspect) as first_suspect,
        first_suspect + second_suspect + third_suspect
        - least(first_suspect, third_suspect) - greatest(second_suspect, third_suspect)
            as second_suspect,
        greatest(second_suspect, third_suspect) as third_suspect,
        matching_events,
        repeated_events,
        association_of_pair
    from extended
),

-- one row for a triple that several pairs lead to
triples_counted as (
    select
        first_suspect,
        second_suspect,
        third_suspect,
        min(matching_events) as matching_events,
        min(repeated_events) as repeated_events,
        max(association_of_pair) as association_of_pair
    from in_order
    group by first_suspect, second_suspect, third_suspect
),

triples_scored as (
    select
        counted.*,
        {{ exactly_once.association() }} as association
    from triples_counted as counted
    cross join totals
    where {{ is_common_enough }}
),

combinations as (
    select
        suspect_number as first_suspect,
        cast(null as integer) as second_suspect,
        cast(null as integer) as third_suspect,
        1 as condition_count,
        matching_events,
        repeated_events,
        association
    from suspects
    where suspect_number <= {{ most_extended }}
    union all
    select
        first_suspect,
        second_suspect,
        cast(null as integer) as third_suspect,
        2 as condition_count,
        matching_events,
        repeated_events,
        association
    from pairs
    union all
    select
        first_suspect,
        second_suspect,
        third_suspect,
        3 as condition_count,
        matching_events,
        repeated_events,
        association
    from triples_scored
    where association - association_of_pair > {{ price_of_a_condition }}
),

scored as (
    select
        combinations.*,
        totals.event_count as sampled_events,
        totals.repeated_count as sampled_repeated_events,
        combinations.association
        - {{ price_of_a_condition }} * (combinations.condition_count - 1) as worth
    from combinations
    cross join totals
),

-- a mark of sending again looks like a cause: it comes after what the events themselves have
named as (
    select
        scored.*,
        case when scored.association >= {{ explains_little }} then 1 else 3 end as place,
        suspect_1.condition_text
        || coalesce(' and ' || suspect_2.condition_text, '')
        || coalesce(' and ' || suspect_3.condition_text, '') as conditions
    from scored
    inner join suspects as suspect_1 on scored.first_suspect = suspect_1.suspect_number
    left join suspects as suspect_2 on scored.second_suspect = suspect_2.suspect_number
    left join suspects as suspect_3 on scored.third_suspect = suspect_3.suspect_number
    union all
    select
        cast(null as integer) as first_suspect,
        cast(null as integer) as second_suspect,
        cast(null as integer) as third_suspect,
        1 as condition_count,
        marks_of_copies.matching_events,
        marks_of_copies.repeated_events,
        marks_of_copies.association,
        totals.event_count as sampled_events,
        totals.repeated_count as sampled_repeated_events,
        marks_of_copies.association as worth,
        2 as place,
        'copies only: ' || marks_of_copies.condition_text as conditions
    from marks_of_copies
    cross join totals
),

ranked as (
    select
        *,
        row_number() over (
            order by
                place asc,
                worth desc,
                condition_count asc,
                first_suspect asc,
                second_suspect asc,
                third_suspect asc,
                conditions asc
        ) as cause_rank
    from named
)

select
    incident_scope.incident_id,
    cast(ranked.cause_rank as integer) as cause_rank,
    ranked.conditions,
    cast(ranked.condition_count as integer) as condition_count,
    cast(ranked.repeated_events as bigint) as repeated_events,
    cast(ranked.matching_events as bigint) as matching_events,
    cast(ranked.sampled_repeated_events as bigint) as sampled_repeated_events,
    cast(ranked.sampled_events as bigint) as sampled_events,
    round(ranked.repeated_events / cast(ranked.sampled_repeated_events as double), 6) as support,
    round(ranked.repeated_events / cast(ranked.matching_events as double), 6) as repeat_rate,
    round(
        ranked.repeated_events * cast(ranked.sampled_events as double)
        / (cast(ranked.matching_events as double) * ranked.sampled_repeated_events), 6
    ) as lift,
    ranked.association
from ranked
cross join {{ ref('exactly_once', 'incident_scope') }} as incident_scope
where ranked.cause_rank <= {{ most_causes }}
