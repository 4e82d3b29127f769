{% macro association() %}
    {#-
        How well a condition separates repeated events from the others, from -1 to 1: the phi coefficient of the
        2 x 2 table, Yule (1912), On the methods of measuring association between two attributes, J. R. Stat. Soc. 75.
        It asks for both, few repeated events outside and few others inside. Of counted.matching_events and
        counted.repeated_events against totals.event_count and totals.repeated_count. A condition that all events
        meet, or none, has 0.
    -#}
    {%- set events, repeated = 'cast(totals.event_count as double)', 'cast(totals.repeated_count as double)' -%}
    round(
        coalesce(
            ({{ events }} * counted.repeated_events - {{ repeated }} * counted.matching_events)
            / nullif(
                sqrt({{ repeated }} * ({{ events }} - totals.repeated_count))
                * sqrt(cast(counted.matching_events as double) * (totals.event_count - counted.matching_events)), 0
            ), 0
        ), 6
    )
{%- endmacro %}
