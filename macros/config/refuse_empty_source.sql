{% macro refuse_empty_source() %}
    {#- An empty source is a wrong name or a stopped load far more often than a day without events. -#}
    {%- if execute and not flags.EMPTY and flags.WHICH in ('run', 'build') -%}
        {%- set source_table = exactly_once.source_columns().relation -%}
        {%- if not exactly_once._ask('select 1 as one from ' ~ source_table ~ ' limit 1').rows -%}
            {%- do exactly_once._refuse(
                'the source', source_table ~ ' without any row', 'a table with events',
                'Load events first, or point exactly_once__source_schema and exactly_once__source_table at them.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
