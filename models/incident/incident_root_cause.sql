{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set columns = exactly_once.source_columns() -%}
{%- set in_sample = exactly_once.sampled_in_window(most_events=20000) -%}
{%- set fewest_events, smallest_support, most_suspects, most_causes = 10, 0.01, 12, 20 -%}
{%- set price_of_a_condition = 0.02 -%}
{%- set is_common_enough = 'counted.repeated_events >= greatest(' ~ fewest_events ~ ', '
    ~ smallest_support ~ ' * totals.repeated_count)' -%}
{%- set dimensions = exactly_once.cause_columns() %}
-- depends_on: {{ ref('exactly_once', 'incident_scope') }}
-- depends_on: {{ ref('exactly_once', 'incident_duplicate_rate') }}

with sampled as (
    select
        event_fingerprint,
        {%- for dimension in dimensions %}
        {{ dimension.sql }} as dimension_{{ loop.index }},
        {%- endfor %}
        {%- if columns.payload is not none %}
        {{ columns.payload.sql }},
        {%- endif %}
        case
            when
                event_fingerprint in (
                    select duplicate_groups.event_fingerprint
                    from {{ ref('exactly_once', 'incident_duplicate_groups') }} as duplicate_groups
                )
                then 1
            else 0
        end as is_repeated
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where has_complete_key and {{ in_sample }}
),

totals as (
    select
        count(*) as event_count,
        sum(is_repeated) as repeated_count
    from sampled
),

{% if columns.payload is not none -%}
payload_values as (
    {{ exactly_once.payload_leaves(
        'sampled', 'event_fingerprint', columns.payload, exactly_once.settings().cause_path_names
    ) }}
),

{% endif -%}
described as (
    {% for dimension in dimensions -%}
    select
        event_fingerprint,
        {{ exactly_once.text_literal(dimension.name | lower) }} as dimension,
        substr(cast(dimension_{{ loop.index }} as varchar), 1, 100) as value
    from sampled
    where dimension_{{ loop.index }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor -%}
    {%- if columns.payload is not none -%}
    union all
    select
        event_fingerprint,
        {{ exactly_once.text_literal(columns.payload.name | lower ~ '.') }} || path as dimension,
        substr(value, 1, 100) as value
    from payload_values
    {%- endif %}
),

counted as (
    select
        described.dimension,
        described.value,
        count(*) as matching_events,
        sum(sampled.is_repeated) as repeated_events
    from described
    inner join sampled on described.event_fingerprint = sampled.event_fingerprint
    group by described.dimension, described.value
),

values_scored as (
    select
        counted.*,
        {{ exactly_once.association() }} as association
    from counted
    cross join totals
    where {{ is_common_enough }}
),

-- the values that tell most: only these are combined
suspects as (
    select
        dimension,
        value,
        row_number() over (order by association desc, dimension asc, value asc) as suspect_number
    from values_scored
    where association > 0
    qualify suspect_number <= {{ most_suspects }}
),

traits as (
    select
        described.event_fingerprint,
        suspects.suspect_number
    from described
    inner join suspects
        on described.dimension = suspects.dimension and described.value = suspects.value
),

-- events that share all their suspects are counted together: combinations then cost little
profiles_of_events as (
    select
        event_fingerprint,
        {{ dbt.listagg('suspect_number', "','", 'order by suspect_number') }} as profile
    from traits
    group by event_fingerprint
),

profiles as (
    select
        profiles_of_events.profile,
        count(*) as event_count,
        sum(sampled.is_repeated) as repeated_count
    from profiles_of_events
    inner join sampled on profiles_of_events.event_fingerprint = sampled.event_fingerprint
    group by profiles_of_events.profile
),

traits_of_profiles as (
    select distinct
        profiles_of_events.profile,
        traits.suspect_number
    from profiles_of_events
    inner join traits on profiles_of_events.event_fingerprint = traits.event_fingerprint
),

combinations as (
    select
        profile,
        suspect_number as first_suspect,
        cast(null as integer) as second_suspect,
        cast(null as integer) as third_suspect
    from traits_of_profiles
    union all
    select
        traits_1.profile,
        traits_1.suspect_number as first_suspect,
        traits_2.suspect_number as second_suspect,
        cast(null as integer) as third_suspect
    from traits_of_profiles as traits_1
    inner join traits_of_profiles as traits_2
        on
            traits_1.profile = traits_2.profile
            and traits_1.suspect_number < traits_2.suspect_number
    union all
    select
        traits_1.profile,
        traits_1.suspect_number as first_suspect,
        traits_2.suspect_number as second_suspect,
        traits_3.suspect_number as third_suspect
    from traits_of_profiles as traits_1
    inner join traits_of_profiles as traits_2
        on
            traits_1.profile = traits_2.profile
            and traits_1.suspect_number < traits_2.suspect_number
    inner join traits_of_profiles as traits_3
        on
            traits_2.profile = traits_3.profile
            and traits_2.suspect_number < traits_3.suspect_number
),

combinations_counted as (
    select
        combinations.first_suspect,
        combinations.second_suspect,
        combinations.third_suspect,
        case
            when combinations.second_suspect is null then 1
            when combinations.third_suspect is null then 2
            else 3
        end as condition_count,
        sum(profiles.event_count) as matching_events,
        sum(profiles.repeated_count) as repeated_events
    from combinations
    inner join profiles on combinations.profile = profiles.profile
    group by combinations.first_suspect, combinations.second_suspect, combinations.third_suspect
),

associated as (
    select
        counted.*,
        totals.event_count as sampled_events,
        totals.repeated_count as sampled_repeated_events,
        {{ exactly_once.association() }} as association
    from combinations_counted as counted
    cross join totals
    where {{ is_common_enough }}
),

scored as (
    select
        *,
        association - {{ price_of_a_condition }} * (condition_count - 1) as worth
    from associated
),

-- a further condition has to earn its place
worth_naming as (
    select scored.*
    from scored
    left join scored as part_1
        on scored.first_suspect = part_1.first_suspect and part_1.condition_count = 1
    left join scored as part_2
        on scored.second_suspect = part_2.first_suspect and part_2.condition_count = 1
    left join scored as part_3
        on scored.third_suspect = part_3.first_suspect and part_3.condition_count = 1
    where
        scored.condition_count = 1
        or scored.worth > greatest(
            part_1.worth, part_2.worth, coalesce(part_3.worth, part_2.worth)
        )
),

named as (
    select
        worth_naming.*,
        suspect_1.dimension || ' = ' || suspect_1.value
        || coalesce(' and ' || suspect_2.dimension || ' = ' || suspect_2.value, '')
        || coalesce(' and ' || suspect_3.dimension || ' = ' || suspect_3.value, '') as conditions
    from worth_naming
    inner join suspects as suspect_1 on worth_naming.first_suspect = suspect_1.suspect_number
    left join suspects as suspect_2 on worth_naming.second_suspect = suspect_2.suspect_number
    left join suspects as suspect_3 on worth_naming.third_suspect = suspect_3.suspect_number
),

ranked as (
    select
        *,
        row_number() over (order by worth desc, condition_count asc, conditions asc) as cause_rank
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
