{% macro recorded_watermark(relation) %}
    {#- How far a curated relation has taken in arrivals: a datetime in UTC, or none. See record_watermark. -#}
    {%- set micros = exactly_once._recorded(relation, exactly_once.epoch_micros('arrival_watermark')) -%}
    {{- return(exactly_once.time_from_micros(micros) if micros is not none else none) -}}
{% endmacro %}


{% macro _recorded(relation, expression) %}
    {#- What incremental_watermarks has of a curated relation, or none. -#}
    {%- if not execute -%}{{- return(none) -}}{%- endif -%}
    {%- set watermarks = exactly_once._watermarks_of(relation) -%}
    {%- if adapter.get_relation(watermarks.database, watermarks.schema, watermarks.identifier) is none -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set found = exactly_once._ask(
        'select ' ~ expression ~ ' as recorded from ' ~ watermarks
        ~ ' where relation_name = ' ~ exactly_once.text_literal(exactly_once._watermark_key(relation))
    ).rows -%}
    {{- return(found[0][0] if found else none) -}}
{% endmacro %}


{% macro _recorded_row(relation) %}
    {#- The row of a curated relation in incremental_watermarks, by its columns; these alone, with none, where it has no row. -#}
    {%- set row = {} -%}
    {%- set watermarks = exactly_once._watermarks_of(relation) -%}
    {%- if exactly_once._is_there(watermarks) -%}
        {%- set found = exactly_once._ask(
            'select * from ' ~ watermarks
            ~ ' where relation_name = ' ~ exactly_once.text_literal(exactly_once._watermark_key(relation))
        ) -%}
        {%- for name in found.column_names -%}
            {%- do row.update({name | lower: found.rows[0][loop.index0] if found.rows else none}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(row) -}}
{% endmacro %}


{% macro _watermarks_of(relation) %}
    {#- Where the watermark of a relation is kept: beside it where schemas are swapped, so that it goes with it. -#}
    {%- set watermarks = exactly_once.model_relation('incremental_watermarks') -%}
    {%- if not exactly_once._swaps_schemas() -%}{{- return(watermarks) -}}{%- endif -%}
    {{- return(watermarks.incorporate(path={'database': relation.database, 'schema': relation.schema})) -}}
{% endmacro %}


{% macro _watermark_key(relation) %}
    {%- if exactly_once._swaps_schemas() -%}{{- return(relation.identifier | lower) -}}{%- endif -%}
    {{- return(relation.schema ~ '.' ~ relation.identifier) -}}
{% endmacro %}
