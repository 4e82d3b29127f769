{% macro warn_if_guard_is_off() %}
    {#-
        For on-run-start: one warning a run, whatever the number of models, where curated tables are about to take in
        every copy. Where more of the arrivals are copies than exactly_once__max_copy_rate allows, that is an error then,
        before anything is built, and a warning while the guard keeps them out. The var itself is checked by the models.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set curated = [] -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.unique_id in selected_resources
            and 'exactly_once_curated' in node.tags and node.name != 'incremental_watermarks' -%}
            {%- do curated.append(node.name) -%}
        {%- endfor -%}
        {%- set guard_is_off = var('exactly_once__deduplicate', true) is false -%}
        {%- if curated and guard_is_off -%}
            {%- do exceptions.warn(
                '[exactly_once] the guard is off (exactly_once__deduplicate: false): ' ~ curated | sort | join(', ')
                ~ ' will count every copy. What that lets in: dbt run-operation guard_report'
            ) -%}
        {%- endif -%}
        {%- if curated -%}{%- do exactly_once._judge_copy_rate(guard_is_off) -%}{%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _judge_copy_rate(guard_is_off) %}
    {#-
        Judged are all arrivals together, and each hour of arrival and event type by itself: what was held back once
        must not get in because clean hours have followed it.
    -#}
    {%- set most = exactly_once.settings().max_copy_rate -%}
    {%- if most is not none and exactly_once._is_there(exactly_once.model_relation('stg_events')) -%}
        {%- for row in exactly_once._ask(exactly_once._highest_copy_rates(most)).rows -%}
            {%- set event_type, hour_micros, row_count, copies = row.values() -%}
            {%- set rate = (copies | int) / (row_count | int) -%}
            {%- if rate > most -%}
                {%- set since = exactly_once.time_from_micros(hour_micros) if hour_micros is not none else none -%}
                {%- set judged = ('the source' if flags.FULL_REFRESH else 'what has arrived since the last run')
                    ~ (', ' ~ event_type ~ ' events in the hour from ' ~ since ~ ' UTC' if event_type else '') -%}
                {%- set found = exactly_once._with_commas(copies | int) ~ ' copies among '
                    ~ exactly_once._with_commas(row_count | int) ~ ' rows (' ~ exactly_once._percent(rate) ~ ')' -%}
                {%- set accepted = 'at most ' ~ exactly_once._percent(most) -%}
                {%- if not guard_is_off -%}
                    {%- do exceptions.warn(
                        '[exactly_once] ' ~ judged ~ ': found ' ~ found ~ '; accepted: ' ~ accepted
                        ~ ' (exactly_once__max_copy_rate). The guard keeps them out of the curated tables. '
                        ~ 'Which they are: dbt run-operation guard_report. If they are no copies, the key lacks a column.'
                    ) -%}
                    {{- return(none) -}}
                {%- endif -%}
                {%- do exactly_once._refuse(
                    judged, found, accepted ~ ' while the guard is off (exactly_once__max_copy_rate)',
                    'Nothing was built, and readers keep the tables as they are. Set exactly_once__deduplicate: true in the '
                    ~ 'vars of the job, and leave it: the next run goes on without the copies.'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro _highest_copy_rates(most) %}
    {#- Of all arrivals that the next run reads, and of the worst hour and event type above the limit, by copies. -#}
    {%- set is_read = 'true' if flags.FULL_REFRESH else exactly_once.arrived_since(exactly_once._payments_watermark()) %}
    with {{ exactly_once._guarded_rows(is_read) }},

    worst as (
        select
            event_type,
            {{ exactly_once.epoch_micros('arrival_hour') }} as hour_micros,
            count(*) as row_count,
            count(case when is_copy then 1 end) as copies
        from arrivals
        where event_type is not null and arrival_hour is not null
        group by event_type, arrival_hour
        having count(*) >= 100 and count(case when is_copy then 1 end) > {{ most }} * count(*)
        order by copies desc, event_type asc, hour_micros asc
        limit 1
    )

    select
        cast(null as varchar) as event_type,
        cast(null as bigint) as hour_micros,
        count(*) as row_count,
        count(case when is_copy then 1 end) as copies
    from arrivals
    having count(*) > 0
    union all
    select event_type, hour_micros, row_count, copies from worst
{% endmacro %}
