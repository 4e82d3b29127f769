{% macro event_instant() %}
    {#- The event time as it is compared: equal where fingerprints are, which know no nanoseconds. -#}
    {{- return(adapter.dispatch('event_instant', 'exactly_once')(exactly_once.source_columns().event_time)) -}}
{% endmacro %}


{% macro default__event_instant(column) %}
    {{- return(exactly_once.epoch_micros(column.sql)) -}}
{% endmacro %}


{#- A bare column is compared while the table is read. -#}
{% macro duckdb__event_instant(column) %}
    {{- return(exactly_once.epoch_micros(column.sql) if '_NS' in column.type | upper else column.sql) -}}
{% endmacro %}
