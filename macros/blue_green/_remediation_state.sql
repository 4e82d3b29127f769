{% macro _remediation_state(tables, incident_id) %}
    {#-
        At which step a remediation is, told from the warehouse alone: none, cloned, claimed, swapping, swapped,
        rollback_claimed, rolling_back or rolled_back. DuckDB swaps in one transaction, so it knows no step between
        cloned and swapped, nor between swapped and rolled back.
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
    {%- set claimed = (exactly_once._claimed_schema(table) or {}).get('marker') or {} -%}
    {%- if claimed.replaced_for == incident_id -%}{{- return('rollback_claimed') -}}{%- endif -%}
    {%- if replaced is not none and not exactly_once._is_empty_schema(table.replaced) -%}
        {%- set kept_for = (exactly_once._parsed_marker(replaced) or {}).replaced_for -%}
        {%- do exactly_once._check_slug(table.replaced, kept_for, incident_id) -%}
        {{- return('swapped') -}}
    {%- endif -%}
    {%- if claimed.incident_id == incident_id -%}{{- return('claimed') -}}{%- endif -%}
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
    {#-
        While live bears a marker, or a schema is claimed, a swap or a rollback has stopped half way: it is finished
        before all else. A claim of this incident's swap may also be started over with a clone.
    -#}
    {%- if exactly_once._swaps_schemas() -%}
        {%- set marker = exactly_once.candidate_marker(tables[0].live) -%}
        {%- set claimed = exactly_once._claimed_schema(tables[0]) -%}
        {%- set open = marker or (claimed or {}).get('marker') -%}
        {%- if open -%}
            {%- set open_verb = 'remediation_swap' if open.incident_id else 'remediation_rollback' -%}
            {%- set open_incident = open.incident_id or open.replaced_for -%}
            {%- set may_start_over = not marker and open_verb == 'remediation_swap' -%}
            {%- if open_incident != incident_id or (verb == 'remediation_clone' and not may_start_over)
                or (open_verb == 'remediation_rollback' and verb == 'remediation_swap') -%}
                {%- do exactly_once._refuse(
                    'schema ' ~ tables[0].live.schema, 'an unfinished ' ~ open_verb ~ ' for incident ' ~ open_incident,
                    'no unfinished step',
                    'Run: dbt run-operation ' ~ open_verb ~ " --args '{incident_id: " ~ open_incident ~ "}'"
                ) -%}
            {%- endif -%}
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
            'select table_name from ' ~ live.information_schema() ~ ".tables where table_type <> 'VIEW' and table_schema = "
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


{% macro _views_beside(relation) %}
    {#- The views in the schema of a curated table, as relations. -#}
    {%- set views = [] -%}
    {%- for row in run_query(
        'select table_name from ' ~ relation.information_schema() ~ ".tables where table_type = 'VIEW' and table_schema = "
        ~ exactly_once.text_literal(exactly_once._stored_name(relation.schema, relation.quote_policy.schema)) ~ ' order by 1'
    ).rows -%}
        {%- do views.append(relation.incorporate(path={'identifier': row[0]}).quote(identifier=true)) -%}
    {%- endfor -%}
    {{- return(views) -}}
{% endmacro %}


{% macro _claimed_schema(table) %}
    {#-
        The schema that a swap or a rollback has claimed, as {schema: relation, marker}, or none. A claim renames the
        schema that is about to become live to a name that only this invocation knows. So of two that run at once
        one alone can swap: the other's name is gone. While a swap is unfinished it is the schema of the old tables.
    -#}
    {%- if not exactly_once._swaps_schemas() -%}{{- return(none) -}}{%- endif -%}
    {%- set live = table.live -%}
    {%- set prefix = exactly_once._stored_name(live.schema ~ '__claimed_', live.quote_policy.schema) -%}
    {%- set found = run_query(
        'select schema_name, comment from ' ~ live.information_schema() ~ '.schemata where startswith(schema_name, '
        ~ exactly_once.text_literal(prefix) ~ ') order by 1'
    ).rows -%}
    {%- if not found -%}{{- return(none) -}}{%- endif -%}
    {%- if found | length > 1 -%}
        {%- do exactly_once._refuse(
            'the schemas ' ~ found | map(attribute=0) | join(', '), 'several that a swap has claimed', 'one',
            'One was made by hand. Find out which holds the tables of the unfinished step, and rename the other.'
        ) -%}
    {%- endif -%}
    {{- return({
        'schema': exactly_once._relation_beside(live, '__claimed_' ~ found[0][0][prefix | length:] | lower),
        'marker': exactly_once._parsed_marker(found[0][1])
    }) -}}
{% endmacro %}


{% macro _claim(table, schema) %}
    {#- Gives a schema the name of this invocation, and its marks a generation, which closes them to runs that began before. -#}
    {%- set claimed = exactly_once._relation_beside(table.live, '__claimed_' ~ invocation_id[:8]) -%}
    {%- do run_query(
        'update ' ~ schema.incorporate(path={'identifier': exactly_once.model_relation('incremental_watermarks').identifier})
        ~ ' set generation = ' ~ exactly_once.text_literal(invocation_id)
    ) -%}
    {%- do exactly_once._rename_schema(schema, claimed) -%}
    {{- return(claimed) -}}
{% endmacro %}


{% macro _take_claim_back(table, schema) %}
    {#- A step that died after its claim, or that still runs somewhere and will now fail: the schema gets its name again. -#}
    {%- set claimed = exactly_once._claimed_schema(table) -%}
    {%- if claimed -%}
        {%- do log('  taking over from a step that stopped after its claim of ' ~ claimed.schema.schema, info=true) -%}
        {%- do exactly_once._drop_empty_schema(schema) -%}
        {%- do exactly_once._rename_schema(claimed.schema, schema) -%}
    {%- endif -%}
{% endmacro %}


{% macro _drop_empty_schema(relation) %}
    {%- if exactly_once._is_empty_schema(relation) -%}{%- do run_query('drop schema ' ~ relation.include(identifier=false)) -%}{%- endif -%}
{% endmacro %}


{% macro _is_empty_schema(relation) %}
    {#- dbt makes the schema of a build before any model can say that its tables are elsewhere: it bears no marker. -#}
    {%- set comment = exactly_once._comment_of(relation) if exactly_once._swaps_schemas() else none -%}
    {%- if comment is none or exactly_once._parsed_marker(comment) is not none -%}{{- return(false) -}}{%- endif -%}
    {{- return(run_query(
        'select count(*) from ' ~ relation.information_schema() ~ '.tables where table_schema = '
        ~ exactly_once.text_literal(exactly_once._stored_name(relation.schema, relation.quote_policy.schema))
    ).rows[0][0] | int == 0) -}}
{% endmacro %}
