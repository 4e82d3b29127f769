{% macro _remediation_state(tables, incident_id) %}
    {#-
        At which step a remediation is, told from the warehouse alone: none, cloned, swapping, swapped,
        rolling_back or rolled_back.
    -#}
    {%- set found = [] -%}
    {%- for table in tables -%}
        {%- do found.append(exactly_once._table_state(table, incident_id)) -%}
    {%- endfor -%}
    {%- set states = found | unique | list -%}
    {%- if states | length > 1 -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'curated tables at different steps: ' ~ states | join(', '),
            'all of them at one step', 'A model has been added since, or a table was renamed by hand: undo that first.'
        ) -%}
    {%- endif -%}
    {{- return(states[0] if states else 'none') -}}
{% endmacro %}


{% macro _table_state(table, incident_id) %}
    {%- set replaced = exactly_once._comment_of(table.replaced) -%}
    {%- set live_marker = exactly_once.candidate_marker(table.live) or {} -%}
    {%- if exactly_once._swaps_schemas() and live_marker.incident_id == incident_id -%}{{- return('swapping') -}}{%- endif -%}
    {%- if exactly_once._swaps_schemas() and live_marker.replaced_for == incident_id -%}{{- return('rolling_back') -}}{%- endif -%}
    {%- if replaced is not none -%}
        {%- set kept_for = (exactly_once._parsed_marker(replaced) or {}).replaced_for -%}
        {%- if kept_for != incident_id -%}
            {%- do exactly_once._refuse(
                'incident_id', incident_id ~ ', but ' ~ table.replaced ~ ' is kept for incident ' ~ kept_for,
                'an incident_id that differs from every other in its letters and digits', 'Use another incident_id.'
            ) -%}
        {%- endif -%}
        {{- return('swapped') -}}
    {%- endif -%}
    {%- if (exactly_once.candidate_marker(table.candidate) or {}).incident_id == incident_id -%}
        {{- return('cloned') -}}
    {%- endif -%}
    {%- if exactly_once._comment_of(table.withdrawn) is not none -%}{{- return('rolled_back') -}}{%- endif -%}
    {{- return('none') -}}
{% endmacro %}
