{% macro arrived_near_candidates() %}
    {#-
        A predicate on the arrivals by which the edges of candidate windows are found: around them, widened by the
        lookback, so that copies of these events are let in too; false where there is no candidate. Where more than one in
        a hundred of them is further from its event than that, it is all that detection reads.
    -#}
    {%- if not execute -%}{{- return('false') -}}{%- endif -%}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set lookback = exactly_once.settings().late_arrival_hours -%}
    {%- set candidates = ref('exactly_once', 'incident_window_candidates') -%}
    {%- set rates = ref('exactly_once', 'incident_duplicate_rate') -%}
    {%- set ranges = [] -%}
    {%- for span in exactly_once._ask(
        'select ' ~ exactly_once.epoch_micros('spans.span_start') ~ ' as span_start, '
        ~ exactly_once.epoch_micros('spans.span_end') ~ ' as span_end, '
        ~ 'coalesce(sum(rates.late_copied_event_count) > 0.01 * sum(rates.copied_event_count) '
        ~ 'or sum(rates.late_copy_count) > 0.01 * sum(rates.row_count), false) as has_late_copies '
        ~ 'from (select event_type, start_from as span_start, start_to as span_end from ' ~ candidates
        ~ ' union distinct select event_type, end_from as span_start, end_to as span_end from ' ~ candidates ~ ') as spans '
        ~ 'left join ' ~ rates ~ ' as rates on rates.event_type is not distinct from spans.event_type '
        ~ 'and rates.arrival_minute >= spans.span_start and rates.arrival_minute < spans.span_end '
        ~ 'group by spans.event_type, spans.span_start, spans.span_end order by 1'
    ).rows if span[0] < span[1] -%}
        {%- if span[2] -%}{{- return('(' ~ exactly_once.detection_range() ~ ')') -}}{%- endif -%}
        {%- set first = exactly_once.shifted_time(exactly_once.time_from_micros(span[0]), -lookback) -%}
        {%- set last = exactly_once.shifted_time(exactly_once.time_from_micros(span[1]), lookback) -%}
        {%- set range = exactly_once._between(arrival_time, first, last) -%}
        {%- if range not in ranges -%}{%- do ranges.append(range) -%}{%- endif -%}
    {%- endfor -%}
    {{- return('(' ~ (ranges or ['false']) | join('\n    or ') ~ ')') -}}
{% endmacro %}
