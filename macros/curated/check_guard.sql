{% macro check_guard() %}
    {#-
        For on-run-start, where curated tables are about to be built. While the guard is off: one warning a run,
        whatever the number of models, and an error where more of the arrivals are copies than
        exactly_once__max_copy_rate allows, before anything is built. While it is on, such arrivals are a warning. The
        guard's var itself is checked by the models.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set curated = [] -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.unique_id in selected_resources
            and 'exactly_once_curated' in node.tags and node.name != 'incremental_watermarks' -%}
            {%- do curated.append(node.name) -%}
        {%- endfor -%}
        {%- if curated and var('exactly_once__deduplicate', true) is false -%}
            {%- do exceptions.warn(
                '[exactly_once] the guard is off (exactly_once__deduplicate: false): ' ~ curated | sort | join(', ')
                ~ ' will count every copy. What that lets in: dbt run-operation guard_report'
            ) -%}
            {%- do exactly_once._refuse_too_many_copies() -%}
        {%- elif curated and exactly_once._can_count_copies() -%}
            {%- do exactly_once._warn_of_too_many_copies() -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _can_count_copies() %}
    {#-
        Whether a warning is worth its query: not where arrivals were judged before (in a repair, or when all is built
        anew), and not while the view is that of other vars, or the source is yet to be made, which this run mends.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- set events = exactly_once.model_relation('stg_events') -%}
    {%- if settings.max_copy_rate is none or settings.build_candidate or flags.FULL_REFRESH
        or exactly_once._source_is_made_by_run() or not exactly_once._is_there(events) -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set there = adapter.get_columns_in_relation(events) | map(attribute='name') | list -%}
    {{- return(exactly_once.source_columns().all | map(attribute='name') | reject('in', there) | list == []) -}}
{% endmacro %}


{% macro _warn_of_too_many_copies() %}
    {%- for judged in exactly_once._too_many_copies()[:1] -%}
        {%- do exceptions.warn(
            '[exactly_once] ' ~ judged.what ~ ': found ' ~ judged.found ~ '; accepted: ' ~ judged.accepted
            ~ ' (exactly_once__max_copy_rate). The guard keeps them out of the curated tables. If they are no copies, '
            ~ 'the key lacks a column. How many of which type: dbt run-operation guard_report --args \'{hours: 4}\''
        ) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _refuse_too_many_copies() %}
    {%- do exactly_once._refuse_view_of_other_columns() -%}
    {%- for judged in exactly_once._too_many_copies()[:1] -%}
        {%- do exactly_once._refuse(
            judged.what, judged.found, judged.accepted ~ ' while the guard is off (exactly_once__max_copy_rate)',
            'Nothing was built, and readers keep the tables as they are. Set exactly_once__deduplicate: true in the '
            ~ 'vars of the job, and leave it: the next run goes on without the copies.'
        ) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _refuse_view_of_other_columns() %}
    {#- Arrivals are judged from the view as it is: built before a column that the vars name now, it can't tell. -#}
    {%- set events = exactly_once.model_relation('stg_events') -%}
    {%- if exactly_once.settings().max_copy_rate is not none and exactly_once._is_there(events) -%}
        {%- set there = adapter.get_columns_in_relation(events) | map(attribute='name') | list -%}
        {%- set columns, lacking = exactly_once.source_columns(), [] -%}
        {%- for part in ['payment_id', 'event_type', 'amount', 'currency', 'event_time', 'arrival_time', 'event_id']
            if columns[part] and columns[part].name not in there + lacking -%}
            {%- do lacking.append(columns[part].name) -%}
        {%- endfor -%}
        {%- if lacking -%}
            {%- do exactly_once._refuse(
                events, 'no column ' ~ lacking | join(', '),
                'the columns that the vars name, while the guard is off and exactly_once__max_copy_rate is set',
                'Nothing was built. Run: dbt run --select stg_events --full-refresh (a view, so no event is lost), then the job again.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _too_many_copies() %}
    {#-
        [{what, found, accepted}] of the arrivals that the next run reads, where copies are above the limit. Judged are
        all of them together, and each hour of arrival and event type by itself: what was held back once must not get
        in because clean hours have followed it.
    -#}
    {%- set most = exactly_once.settings().max_copy_rate -%}
    {%- set judged = [] -%}
    {%- if most is not none and exactly_once._is_there(exactly_once.model_relation('stg_events')) -%}
        {%- for row in exactly_once._ask(exactly_once._highest_copy_rates(most)).rows -%}
            {%- set event_type, hour_micros, row_count, copies = row.values() -%}
            {%- set rate = (copies | int) / (row_count | int) -%}
            {%- if rate > most -%}
                {%- set since = exactly_once.time_from_micros(hour_micros) if hour_micros is not none else none -%}
                {%- do judged.append({
                    'what': ('the source' if flags.FULL_REFRESH else 'what has arrived since the last run')
                        ~ (', ' ~ event_type ~ ' events in the hour from ' ~ since ~ ' UTC' if event_type else ''),
                    'found': exactly_once._with_commas(copies | int) ~ ' copies among '
                        ~ exactly_once._with_commas(row_count | int) ~ ' rows (' ~ exactly_once._percent(rate) ~ ')',
                    'accepted': 'at most ' ~ exactly_once._percent(most)
                }) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(judged) -}}
{% endmacro %}


{% macro _highest_copy_rates(most) %}
    {#- Of all arrivals that the next run reads, and of the worst hour and event type above the limit, by copies. -#}
    {%- set is_read = 'true' if flags.FULL_REFRESH
        else exactly_once.arrived_since(exactly_once._payments_watermark(), exactly_once._next_run_reads_before()) %}
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
