{% macro counted_near_repair(payments_before, predicate='true') %}
    {#-
        The events that count, from the hour of the first event of any payment that the repair computes again on:
        all of those payments, with a literal bound on the event time.
        predicate: on the events.
    -#}
    {%- set is_near = 'true' -%}
    {%- if execute -%}
        {%- set earliest = exactly_once._earliest_of_repair(payments_before) -%}
        {%- if earliest is not none -%}
            {%- set is_near -%}
                ({{ exactly_once.event_time_from(earliest.replace(minute=0, second=0, microsecond=0)) }}
                or {{ exactly_once.source_columns().event_time.sql }} is null)
            {%- endset -%}
        {%- endif -%}
    {%- endif -%}
    {{ exactly_once.payment_events(ref('exactly_once', 'stg_events_counted'), is_near ~ ' and ' ~ predicate) }}
{%- endmacro %}


{% macro _earliest_of_repair(payments_before) %}
    {#-
        The least event time, as a datetime in UTC, among the payments as they were, the copies of the repaired events,
        and what has arrived for these payments since; none where nothing is repaired.
    -#}
    {%- set copies = ref('exactly_once', 'stg_events') -%}
    {%- set keys = exactly_once.curated_keys('payments') -%}
    {%- set groups = ref('exactly_once', 'incident_duplicate_groups') -%}
    {%- set decisions = ref('exactly_once', 'incident_decisions') -%}
    {%- set repaired = exactly_once._repaired_keys(keys, copies, groups, decisions) -%}
    {%- set found = exactly_once._ask(
        'select min(micros) as micros from ('
        ~ 'select min(' ~ exactly_once.epoch_micros('first_event_at') ~ ') as micros from ' ~ payments_before
        ~ ' where payment_id in (' ~ repaired ~ ')'
        ~ ' union all ' ~ exactly_once._earliest_repaired_copy(copies, groups, decisions)
        ~ ' union all select min(' ~ exactly_once.epoch_micros(exactly_once.source_columns().event_time.sql)
        ~ ') as micros from ' ~ copies ~ ' where has_complete_key and '
        ~ exactly_once.arrived_since(exactly_once.recorded_watermark(payments_before))
        ~ ' and ' ~ keys.payment_id ~ ' in (' ~ repaired ~ ')) as earliest'
    ).rows[0][0] -%}
    {{- return(exactly_once.time_from_micros(found) if found is not none else none) -}}
{% endmacro %}


{% macro _earliest_repaired_copy(copies, duplicate_groups, decisions) %}
    {#- A query for the least event time of the copies of repaired events, in microseconds. -#}
    select min({{ exactly_once.epoch_micros(exactly_once.source_columns().event_time.sql) }}) as micros
    from {{ copies }}
    where
        has_complete_key
        and {{ exactly_once.same_event_times(duplicate_groups) }}
        and event_fingerprint in (
            select event_fingerprint from {{ decisions }} where {{ exactly_once.is_repaired() }}
        )
{%- endmacro %}
