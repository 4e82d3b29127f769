{% macro is_repaired() %}
    {#-
        A predicate on decisions: whether the curated rows of the event are computed again in a repair. Those of
        an event that loses a copy, and those of one with a verdict, which may speak otherwise than the last repair.
    -#}
    {{- return("(decision = 'remove' or reason = 'override')") -}}
{% endmacro %}
