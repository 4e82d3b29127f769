{% macro guard_report(hours=none) %}
    {#-
        Run-operation. Says what the guard, exactly_once__deduplicate, keeps out of the curated tables, or would:
        copies and amounts by event type, for the arrivals that the next regular run reads, or for those of the last
        hours. Says whether the last regular run had it on, and how to turn it on. Reads only.
    -#}
    {%- do exactly_once.tag_queries('guard_report') -%}
    {%- do exactly_once.check_session() -%}
    {%- if hours is not none and (hours is not number or hours is boolean or hours <= 0) -%}
        {%- do exactly_once._refuse(
            'hours', hours, 'a number above 0, or nothing for what the next regular run reads',
            "Run: dbt run-operation guard_report --args '{hours: 4}'"
        ) -%}
    {%- endif -%}
    {%- set events = exactly_once.model_relation('stg_events') -%}
    {%- if not exactly_once._is_there(events) -%}
        {%- do exactly_once._refuse(
            'the view ' ~ events, 'none', 'the view that the regular job makes',
            'Run the job: dbt build --selector fifteen_minute. To look before its first run, make the view alone: '
            ~ 'dbt run --select stg_events'
        ) -%}
    {%- endif -%}
    {%- set report = exactly_once._guarded_arrivals(hours) -%}
    {%- set by_vars = exactly_once.settings().deduplicate -%}
    {%- set by_job = exactly_once._guard_of_last_run() -%}
    {%- set is_on = by_vars if by_job is none else by_job -%}
    {%- do log(
        'The guard is ' ~ ('on' if is_on else 'OFF: curated tables take in every copy') ~ ', by '
        ~ ('the vars of this command; no regular run has recorded it' if by_job is none else 'the last regular run on these tables')
        ~ ('' if is_on == by_vars else '. By the vars of this command it is ' ~ ('on' if by_vars else 'OFF')), info=true
    ) -%}
    {%- do log(
        '  arrivals ' ~ ('of all time (no run has recorded a watermark)' if report.arrived_from is none
        else 'since ' ~ report.arrived_from ~ ' UTC')
        ~ ('' if report.arrived_before is none else ', before ' ~ report.arrived_before ~ ' UTC') ~ ', and those without an arrival time; amounts in minor units',
        info=true
    ) -%}
    {%- set rows = [] -%}
    {%- for one in report.event_types -%}
        {%- do rows.append([
            one.event_type or '(none)', one.currency or '(none)', one['rows'], one.events, one.copies, one.amount
        ]) -%}
    {%- endfor -%}
    {%- do rows.append([
        'all', '', report.event_types | sum(attribute='rows'), report.event_types | sum(attribute='events'),
        report.event_types | sum(attribute='copies'), ''
    ]) -%}
    {%- do exactly_once._log_table(
        ['event type', 'currency', 'rows', 'events', 'copies kept out' if is_on else 'copies let in',
        'amount kept out' if is_on else 'amount let in'], rows, 2
    ) -%}
    {%- if not is_on -%}
        {%- do log(
            "To turn it on: dbt build --selector fifteen_minute --vars '{exactly_once__deduplicate: true}', or in "
            ~ 'dbt_project.yml, vars: `exactly_once__deduplicate: true`. No full refresh is needed.', info=true
        ) -%}
    {%- endif -%}
    {%- do log(
        'What it does not do: copies that the curated tables hold already stay until a remediation, unless an event '
        ~ 'of the same payment or hour arrives.', info=true
    ) -%}
    {{- return(report) -}}
{% endmacro %}


{% macro _guarded_arrivals(hours) %}
    {#- {arrived_from, arrived_before, event_types: [{event_type, currency, rows, events, copies, amount}]} -#}
    {%- set settings = exactly_once.settings() -%}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set watermark = exactly_once._payments_watermark() -%}
    {%- set arrived_before = exactly_once._next_run_reads_before() if hours is none else none -%}
    {%- set is_read = exactly_once.arrived_since(watermark, arrived_before) -%}
    {%- set arrived_from = none if watermark is none else exactly_once.shifted_time(watermark, -settings.late_arrival_hours) -%}
    {%- if hours is none -%}
        {%- set arrived_from = [arrived_from, settings.reprocess_from or arrived_from] | min if watermark is not none -%}
    {%- else -%}
        {#- the latest arrivals are looked for from where the last run ended, not in the history -#}
        {%- set latest = exactly_once.arrival_watermark(
            '(select * from ' ~ exactly_once.source_columns().relation ~ ' where ' ~ is_read ~ ') as arrivals'
        ) or watermark -%}
        {%- set arrived_from = none if latest is none else exactly_once.shifted_time(latest, -hours) -%}
        {%- set is_read = 'true' if latest is none else '(' ~ arrival_time.sql ~ ' >= '
            ~ exactly_once.timestamp_literal(arrived_from, arrival_time.type) ~ ' or ' ~ arrival_time.sql ~ ' is null)' -%}
    {%- endif -%}
    {%- set event_types = [] -%}
    {%- for row in run_query(exactly_once._guarded_copies(is_read)).rows -%}
        {%- set event_type, currency, row_count, events, copies, amount = row.values() -%}
        {%- do event_types.append({
            'event_type': event_type, 'currency': currency, 'rows': row_count | int, 'events': events | int,
            'copies': copies | int, 'amount': amount
        }) -%}
    {%- endfor -%}
    {{- return({'arrived_from': arrived_from, 'arrived_before': arrived_before, 'event_types': event_types}) -}}
{% endmacro %}


{% macro _next_run_reads_before() %}
    {#- A run that is bounded takes in one piece; none where it takes in all. -#}
    {%- if exactly_once.settings().max_hours_per_run is none -%}{{- return(none) -}}{%- endif -%}
    {%- set deduplicated = exactly_once.model_relation('stg_events_deduplicated') -%}
    {{- return(exactly_once._next_piece(deduplicated if exactly_once._is_there(deduplicated) else none).before) -}}
{% endmacro %}


{% macro _payments_watermark() %}
    {#- How far the live payments have taken in arrivals, or none. -#}
    {%- set payments = exactly_once._live_payments() -%}
    {{- return(exactly_once.recorded_watermark(payments) if payments else none) -}}
{% endmacro %}


{% macro _guard_of_last_run() %}
    {#- Whether the last regular run of the live payments kept copies out; none where none has said so. -#}
    {%- set payments = exactly_once._live_payments() -%}
    {{- return(exactly_once._recorded_vars(exactly_once._recorded_row(payments)).get('deduplicate') if payments else none) -}}
{% endmacro %}


{% macro _live_payments() %}
    {%- set payments = exactly_once.curated_relations('') | selectattr('name', 'equalto', 'payments') | list -%}
    {{- return(payments[0].live if payments else none) -}}
{% endmacro %}


{% macro _guarded_copies(is_read) %}
    {#- The arrivals by event type and currency, and the copies among them. -#}
    with {{ exactly_once._guarded_rows(is_read) }}

    select
        event_type,
        currency,
        count(*) as row_count,
        count(distinct event_fingerprint) as events,
        count(case when is_copy then 1 end) as copies,
        coalesce(sum(case when is_copy then amount end), 0) as amount
    from arrivals
    group by event_type, currency
    order by copies desc, event_type asc, currency asc
{% endmacro %}


{% macro _guarded_rows(is_read) %}
    {#-
        CTEs, the last of which is `arrivals`: one row for each, and whether it has another copy before it, whenever
        that one arrived. Narrow: of copies that arrived at once under one event_id, any may count as the first.
    -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set events = exactly_once.model_relation('stg_events') -%}
    {%- set overrides = exactly_once.model_relation('decision_overrides') %}
    copies as (
        select
            event_fingerprint,
            cast({{ columns.event_type.sql }} as varchar) as event_type,
            cast({{ columns.currency.sql }} as varchar) as currency,
            {{ columns.amount.sql }} as amount,
            date_trunc('hour', {{ exactly_once.utc_timestamp(columns.arrival_time) }}) as arrival_hour,
            {{ is_read }} as is_read,
            row_number() over (
                partition by event_fingerprint
                order by
                    {{ columns.arrival_time.sql }} asc nulls last,
                    {{ exactly_once.event_id_or_null(columns) }} asc nulls last,
                    {{ columns.amount.sql }} asc
            ) > 1 as is_copy
        from {{ events }}
        where
            has_complete_key
            and {{ columns.payment_id.sql }} is not null
            and {{ exactly_once.same_event_times(events, is_read) }}
    ),

    -- what a reviewer keeps counts copy by copy, guard or no guard
    kept as (
        {%- if exactly_once._is_there(overrides) %}
        select distinct event_fingerprint from {{ overrides }}
        where decision = 'keep' and {{ exactly_once._verdict_is_signed() }}
        {%- else %}
        select event_fingerprint from copies where false
        {%- endif %}
    ),

    arrivals as (
        select
            copies.event_fingerprint,
            copies.event_type,
            copies.currency,
            copies.amount,
            copies.arrival_hour,
            copies.is_copy and kept.event_fingerprint is null as is_copy
        from copies
        left join kept on copies.event_fingerprint = kept.event_fingerprint
        where copies.is_read
    )
{% endmacro %}
