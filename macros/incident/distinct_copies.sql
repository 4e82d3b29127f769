{% macro distinct_copies(predicate='true') %}
    {#-
        The further copies of events that only their payload tells apart, under the names of payment_events: raw keeps
        them as events of their own, while the curated tables count one of each.
    -#}
    {%- set decisions = ref('exactly_once', 'incident_decisions') -%}
    {{ exactly_once.payment_events(
        '(select *, true as has_complete_key from ' ~ decisions ~ ') as decisions',
        "reason = 'distinct_payload' and not (row_hash = survivor_row_hash and copy_number = 1) and " ~ predicate
    ) }}
{%- endmacro %}
