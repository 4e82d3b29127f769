{% macro warn_if_guard_is_off() %}
    {#-
        For on-run-start: one warning a run, whatever the number of models, where curated tables are about to take in
        every copy; an error where more of the arrivals are copies than exactly_once__max_copy_rate allows, before
        anything is built. The var itself is checked by the models.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') and var('exactly_once__deduplicate', true) is false -%}
        {%- set curated = [] -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.unique_id in selected_resources
            and 'exactly_once_curated' in node.tags and node.name != 'incremental_watermarks' -%}
            {%- do curated.append(node.name) -%}
        {%- endfor -%}
        {%- if curated -%}
            {%- do exceptions.warn(
                '[exactly_once] the guard is off (exactly_once__deduplicate: false): ' ~ curated | sort | join(', ')
                ~ ' will count every copy. What that lets in: dbt run-operation guard_report'
            ) -%}
            {%- do exactly_once._refuse_too_many_copies() -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_too_many_copies() %}
    {%- set most = exactly_once.settings().max_copy_rate -%}
    {%- if most is not none and exactly_once._is_there(exactly_once.model_relation('stg_events')) -%}
        {%- set report = exactly_once._guarded_arrivals(none) -%}
        {%- set row_count = report.event_types | sum(attribute='rows') -%}
        {%- set copies = report.event_types | sum(attribute='copies') -%}
        {%- if row_count and copies / row_count > most -%}
            {%- do exactly_once._refuse(
                'the arrivals ' ~ ('of all time' if report.arrived_from is none else 'since ' ~ report.arrived_from ~ ' UTC'),
                exactly_once._with_commas(copies) ~ ' copies among ' ~ exactly_once._with_commas(row_count) ~ ' rows ('
                ~ exactly_once._percent(copies / row_count) ~ ')',
                'at most ' ~ exactly_once._percent(most) ~ ' while the guard is off (exactly_once__max_copy_rate)',
                'Nothing was built, and readers keep the tables as they are. Go on without the copies: '
                ~ "dbt build --selector fifteen_minute --vars '{exactly_once__deduplicate: true}'"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
