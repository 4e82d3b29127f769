{% macro arrived_near_candidates() %}
    {#-
        A predicate on the arrivals by which the edges of candidate windows are found: around them, widened by the
        lookback, so that copies of these events are let in too; false where there is no candidate.
    -#}
    {%- if not execute -%}{{- return('false') -}}{%- endif -%}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {%- set lookback = exactly_once.settings().late_arrival_hours -%}
    {%- set candidates = ref('exactly_once', 'incident_window_candidates') -%}
    {%- set ranges = [] -%}
    {%- for span in exactly_once._ask(
        'select ' ~ exactly_once.epoch_micros('start_from') ~ ' as span_start, ' ~ exactly_once.epoch_micros('start_to')
        ~ ' as span_end from ' ~ candidates ~ ' union distinct select ' ~ exactly_once.epoch_micros('end_from') ~ ', '
        ~ exactly_once.epoch_micros('end_to') ~ ' from ' ~ candidates ~ ' order by 1'
    ).rows if span[0] < span[1] -%}
        {%- set first = exactly_once.shifted_time(exactly_once.time_from_micros(span[0]), -lookback) -%}
        {%- set last = exactly_once.shifted_time(exactly_once.time_from_micros(span[1]), lookback) -%}
        {%- do ranges.append(exactly_once._between(arrival_time, first, last)) -%}
    {%- endfor -%}
    {{- return('(' ~ (ranges or ['false']) | join('\n    or ') ~ ')') -}}
{% endmacro %}
