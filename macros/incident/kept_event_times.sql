{% macro kept_event_times() %}
    {#-
        A predicate on the events of groups that a reviewer decided to keep whole, by the event times that the
        seed decision_overrides gives; none while no group has such a verdict, or before the first dbt seed.
        A verdict without event_at lets every event time in, and so does a key by which copies may differ in it; one
        without ticket and reviewer does not count, nor one that is none of keep, remove and review.
    -#}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {%- set overrides = exactly_once.model_relation('decision_overrides') -%}
    {%- if not exactly_once._is_there(overrides) -%}{{- return(none) -}}{%- endif -%}
    {%- set kept = overrides ~ " where decision = 'keep' and " ~ exactly_once._verdict_is_signed() -%}
    {%- set verdicts = exactly_once._ask(
        'select count(*) as verdicts, count(event_at) as placed, (select count(*) from ' ~ overrides ~ ' where not '
        ~ exactly_once._verdict_counts() ~ ') as not_counted from ' ~ kept
    ).rows[0] -%}
    {%- if verdicts[2] -%}
        {%- do exceptions.warn(
            '[exactly_once] ' ~ verdicts[2] ~ ' verdicts in ' ~ overrides ~ ' have no ticket or no reviewer, or are none of '
            ~ 'keep, remove and review, and do not count. Correct them in seeds/decision_overrides.csv, then run: dbt seed'
        ) -%}
    {%- endif -%}
    {%- if verdicts[0] == 0 -%}{{- return(none) -}}{%- endif -%}
    {%- if verdicts[1] < verdicts[0] or not exactly_once._copies_share_event_time(exactly_once.source_columns()) -%}
        {{- return('true') -}}
    {%- endif -%}
    {{- return(exactly_once.same_event_hours(
        'select event_at as event_hour from ' ~ kept
    )) -}}
{% endmacro %}
