{% macro is_repaired() %}
    {#-
        A predicate on decisions: whether the curated rows of the event are computed again in a repair. Those of
        an event that loses a copy, those of one with a verdict, which may speak otherwise than the last repair, and
        those of one whose payloads differ: its copies stay in raw, and the curated tables count one of them.
    -#}
    {{- return("(decision = 'remove' or reason in ('override', 'material_payload', 'distinct_payload'))") -}}
{% endmacro %}
