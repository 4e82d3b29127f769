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
        {%- do exactly_once._check_slug(table.replaced, kept_for, incident_id) -%}
        {{- return('swapped') -}}
    {%- endif -%}
    {%- if (exactly_once.candidate_marker(table.candidate) or {}).incident_id == incident_id -%}
        {{- return('cloned') -}}
    {%- endif -%}
    {%- set withdrawn = exactly_once._comment_of(table.withdrawn) -%}
    {%- if withdrawn is not none -%}
        {%- set marker = exactly_once._parsed_marker(withdrawn) or {} -%}
        {%- do exactly_once._check_slug(table.withdrawn, marker.withdrawn_for or marker.incident_id, incident_id) -%}
        {{- return('rolled_back') -}}
    {%- endif -%}
    {{- return('none') -}}
{% endmacro %}


{% macro _check_slug(relation, kept_for, incident_id) %}
    {#- Incident ids that differ in punctuation only share the names that are made of them. -#}
    {%- if kept_for != incident_id -%}
        {%- do exactly_once._refuse(
            'incident_id', incident_id ~ ', but ' ~ relation ~ ' is kept for incident ' ~ kept_for,
            'an incident_id that differs from every other in its letters and digits', 'Use another incident_id.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_unfinished(tables, incident_id, verb) %}
    {#- While live bears a marker, a swap or a rollback has stopped half way: it is finished before all else. -#}
    {%- set marker = exactly_once.candidate_marker(tables[0].live) if exactly_once._swaps_schemas() -%}
    {%- if marker -%}
        {%- set open_verb = 'remediation_swap' if marker.incident_id else 'remediation_rollback' -%}
        {%- set open_incident = marker.incident_id or marker.replaced_for -%}
        {%- if open_incident != incident_id or verb == 'remediation_clone'
            or (open_verb == 'remediation_rollback' and verb == 'remediation_swap') -%}
            {%- do exactly_once._refuse(
                'schema ' ~ tables[0].live.schema, 'an unfinished ' ~ open_verb ~ ' for incident ' ~ open_incident,
                'no unfinished step',
                'Run: dbt run-operation ' ~ open_verb ~ " --args '{incident_id: " ~ open_incident ~ "}'"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_curated_only(tables) %}
    {#- A swap of schemas takes along whatever is in them: a table of somebody else would change under his hands. -#}
    {%- if exactly_once._swaps_schemas() -%}
        {%- set live = tables[0].live -%}
        {%- set known = [exactly_once.model_relation('incremental_watermarks').identifier | upper] -%}
        {%- for table in tables -%}{%- do known.append(table.live.identifier | upper) -%}{%- endfor -%}
        {%- set others = [] -%}
        {%- for row in run_query(
            'select table_name from ' ~ live.information_schema() ~ ".tables where table_type = 'BASE TABLE' and table_schema = "
            ~ exactly_once.text_literal(exactly_once._stored_name(live.schema, live.quote_policy.schema)) ~ ' order by 1'
        ).rows if row[0] | upper not in known and not (row[0] | lower).endswith('__dbt_tmp') -%}
            {%- do others.append(row[0]) -%}
        {%- endfor -%}
        {%- if others -%}
            {%- do exactly_once._refuse(
                'schema ' ~ live.schema, 'tables that no repair knows: ' ~ others | join(', '),
                'the models tagged exactly_once_curated, and incremental_watermarks',
                'Move them to another schema: a swap would exchange them for their state at the clone.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
