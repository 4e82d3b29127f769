{% macro _remediation_state(tables, incident_id) %}
    {#-
        At which step a remediation is, told from the warehouse alone: none, cloned, claimed, swapping, swapped,
        rollback_claimed, rolling_back or rolled_back. DuckDB swaps in one transaction, so it knows no step between
        cloned and swapped, nor between swapped and rolled back.
    -#}
    {%- set found = [] -%}
    {%- for table in exactly_once._with_markers(tables) -%}
        {%- do found.append(exactly_once._table_state(table, incident_id)) -%}
    {%- endfor -%}
    {%- set states = found | unique | list -%}
    {#- a model that became a curated one since the swap has no old table; the swap itself is one transaction -#}
    {%- if 'none' in states and ('swapped' in states or 'rolled_back' in states) -%}
        {%- set states = states | reject('equalto', 'none') | list -%}
    {%- endif -%}
    {%- if states | length > 1 -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'curated tables at different steps: ' ~ states | join(', '),
            'all of them at one step', 'A model has been added since, or a table was renamed by hand: undo that first.'
        ) -%}
    {%- endif -%}
    {{- return(states[0] if states else 'none') -}}
{% endmacro %}


{% macro _with_markers(tables) %}
    {#- Those whose markers tell the state: one where schemas are swapped, for the tables of a schema are moved together. -#}
    {{- return(tables[:1] if exactly_once._swaps_schemas() else tables) -}}
{% endmacro %}


{% macro _table_state(table, incident_id) %}
    {%- set comments = adapter.dispatch('_comments_beside', 'exactly_once')(table) -%}
    {%- set markers = {} -%}
    {%- for place, comment in comments.items() -%}
        {%- do markers.update({place: exactly_once._parsed_marker(comment) or {}}) -%}
    {%- endfor -%}
    {%- set live, claimed = markers.get('live', {}), markers.get('claimed', {}) -%}
    {%- if live.incident_id == incident_id -%}{{- return('swapping') -}}{%- endif -%}
    {%- if live.replaced_for == incident_id -%}{{- return('rolling_back') -}}{%- endif -%}
    {%- if claimed.replaced_for == incident_id -%}{{- return('rollback_claimed') -}}{%- endif -%}
    {%- if comments.replaced is not none and not exactly_once._is_empty_schema(table.replaced) -%}
        {%- do exactly_once._check_slug(table.replaced, markers.replaced.replaced_for, incident_id) -%}
        {{- return('swapped') -}}
    {%- endif -%}
    {%- if claimed.incident_id == incident_id -%}{{- return('claimed') -}}{%- endif -%}
    {%- if markers.candidate.incident_id == incident_id -%}{{- return('cloned') -}}{%- endif -%}
    {%- if comments.withdrawn is not none -%}
        {%- do exactly_once._check_slug(
            table.withdrawn, markers.withdrawn.withdrawn_for or markers.withdrawn.incident_id, incident_id
        ) -%}
        {{- return('rolled_back') -}}
    {%- endif -%}
    {{- return('none') -}}
{% endmacro %}


{% macro default___comments_beside(table) %}
    {%- set comments = {} -%}
    {%- for place in ('candidate', 'replaced', 'withdrawn') -%}
        {%- do comments.update({place: exactly_once._comment_of(table[place])}) -%}
    {%- endfor -%}
    {{- return(comments) -}}
{% endmacro %}


{% macro snowflake___comments_beside(table) %}
    {%- set schemas = exactly_once._schemas_beside(table.live) -%}
    {%- set comments = {} -%}
    {%- for place in ('live', 'candidate', 'replaced', 'withdrawn') -%}
        {%- set schema = table[place] -%}
        {%- do comments.update({place: schemas.get(exactly_once._stored_name(schema.schema, schema.quote_policy.schema))}) -%}
    {%- endfor -%}
    {%- set claims = exactly_once._claims_among(schemas, table.live) -%}
    {%- do comments.update({'claimed': schemas[claims[0]] if claims else none}) -%}
    {{- return(comments) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/info-schema/schemata -#}
{% macro _schemas_beside(live) %}
    {#- {stored name: comment} of live and what is kept beside it, read at once: nothing that is renamed meanwhile is missed. -#}
    {%- set schemas = {} -%}
    {%- for name, comment in run_query(
        'select schema_name, comment from ' ~ live.information_schema() ~ '.schemata where startswith(schema_name, '
        ~ exactly_once.text_literal(exactly_once._stored_name(live.schema, live.quote_policy.schema)) ~ ') order by 1'
    ).rows -%}
        {%- do schemas.update({name: comment or ''}) -%}
    {%- endfor -%}
    {{- return(schemas) -}}
{% endmacro %}


{% macro _claims_among(schemas, live) %}
    {{- return(exactly_once._names_among(schemas, live, '__claimed_')) -}}
{% endmacro %}


{% macro _names_among(schemas, relation, ending) %}
    {#- The names of a schema itself with some ending: that of another deployment may begin like that of live. -#}
    {%- set prefix = exactly_once._stored_name(relation.schema ~ ending, relation.quote_policy.schema) -%}
    {%- set names = [] -%}
    {%- for name in schemas if name.startswith(prefix) -%}{%- do names.append(name) -%}{%- endfor -%}
    {{- return(names) -}}
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


{% macro _unfinished(tables) %}
    {#-
        The swap or rollback that has not come to its end, of whatever incident, as {verb, incident_id, has_moved: whether
        live is exchanged already}, or none: live bears a marker, a schema is claimed, or the ledger lacks the end.
    -#}
    {%- if not tables -%}{{- return(none) -}}{%- endif -%}
    {%- if exactly_once._swaps_schemas() -%}
        {%- set marker = exactly_once.candidate_marker(tables[0].live) -%}
        {%- set open = marker or (exactly_once._claimed_schema(tables[0]) or {}).get('marker') -%}
        {%- if open -%}
            {{- return({
                'verb': 'remediation_swap' if open.incident_id else 'remediation_rollback',
                'incident_id': open.incident_id or open.replaced_for,
                'has_moved': marker is not none
            }) -}}
        {%- endif -%}
    {%- endif -%}
    {{- return(exactly_once._moved_without_end(tables)) -}}
{% endmacro %}


{% macro _moved_without_end(tables) %}
    {#- What moved the tables and lacks its end in the ledger, or none: its digests of live have still to be taken. -#}
    {%- set moved = {} -%}
    {#- tables that a rollback withdrew stay while the same incident is swapped again -#}
    {%- for place, verb in (('withdrawn', 'remediation_rollback'), ('replaced', 'remediation_swap')) -%}
        {%- for marker in exactly_once._kept_markers(tables, place) -%}
            {%- do moved.update({marker.replaced_for or marker.withdrawn_for: verb}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if moved and exactly_once._is_there(exactly_once.model_relation('remediation_ledger')) -%}
        {%- set phases = {} -%}
        {%- for incident_id, step, phase in run_query(
            'select incident_id, step, phase from ' ~ exactly_once._ledger()
            ~ " where step in ('remediation_swap', 'remediation_rollback') order by entry_number nulls first"
        ).rows -%}
            {%- do phases.update({(incident_id, step): phase}) -%}
        {%- endfor -%}
        {%- for incident_id, verb in moved.items() if phases.get((incident_id, verb)) != 'ended' -%}
            {#- no clone begins before the end: who has candidates again has only lost the entry, which ledger_verify says -#}
            {%- if incident_id not in exactly_once._cloned_for(tables) -%}
                {{- return({'verb': verb, 'incident_id': incident_id, 'has_moved': true}) -}}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _cloned_for(tables) %}
    {#- The incidents whose candidates are there. -#}
    {%- set incidents = [] -%}
    {%- for table in exactly_once._with_markers(tables) -%}
        {%- do incidents.append((exactly_once.candidate_marker(table.candidate) or {}).incident_id) -%}
    {%- endfor -%}
    {{- return(incidents) -}}
{% endmacro %}


{% macro _check_unfinished(tables, incident_id, verb) %}
    {#-
        An unfinished step is finished before all else, whosever it is. This incident's swap may be rolled back instead, or,
        before it moved anything, started over with a clone.
    -#}
    {%- set open = exactly_once._unfinished(tables) -%}
    {%- if open is not none -%}
        {%- set ways_on = [open.verb] -%}
        {%- if open.verb == 'remediation_swap' -%}
            {%- do ways_on.append('remediation_rollback' if open.has_moved else 'remediation_clone') -%}
        {%- endif -%}
        {%- if open.incident_id != incident_id or verb not in ways_on -%}
            {%- do exactly_once._refuse(
                'schema ' ~ tables[0].live.schema, 'an unfinished ' ~ open.verb ~ ' for incident ' ~ open.incident_id,
                'no unfinished step', 'Run: ' ~ exactly_once._verb_command(open.verb, open.incident_id)
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_curated_only(tables, place='live') %}
    {#- A step moves or drops a schema with whatever is in it: a table of somebody else would change under his hands. -#}
    {%- if exactly_once._swaps_schemas() -%}
        {%- set found = tables[0][place] -%}
        {%- set known = [exactly_once.model_relation('incremental_watermarks').identifier | upper] -%}
        {%- for table in tables -%}{%- do known.append(table.live.identifier | upper) -%}{%- endfor -%}
        {%- set others = [] -%}
        {%- for name in exactly_once._tables_in_schema_of(found) if name | upper not in known -%}
            {%- do others.append(name) -%}
        {%- endfor -%}
        {%- if others -%}
            {%- do exactly_once._refuse(
                'schema ' ~ found.schema, 'tables that no repair knows: ' ~ others | join(', '),
                'the models tagged exactly_once_curated, and incremental_watermarks',
                'Move them to another schema: ' ~ (
                    'readers would have them no more, or as they were at the clone.' if place == 'live'
                    else 'they would be dropped with it.'
                )
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _tables_in_schema_of(relation) %}
    {#- Their names, without those that dbt makes for a moment. -#}
    {%- set names = [] -%}
    {%- for row in exactly_once._ask(
        'select table_name from ' ~ relation.information_schema() ~ ".tables where table_type <> 'VIEW' and table_schema = "
        ~ exactly_once.text_literal(exactly_once._stored_name(relation.schema, relation.quote_policy.schema)) ~ ' order by 1'
    ).rows if not (row[0] | lower).endswith('__dbt_tmp') -%}
        {%- do names.append(row[0]) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}


{% macro _check_has_all_models(tables, place) %}
    {#- A model that became a curated one since has no table there. -#}
    {%- for table in tables if not exactly_once._is_there(table[place]) -%}
        {%- do exactly_once._refuse(
            'model ' ~ table.name ~ ', tagged exactly_once_curated', 'no table ' ~ table[place],
            'the models that were curated at the swap',
            'Disable it for this command (+enabled: false), and move its table out of the schema until then.'
        ) -%}
    {%- endfor -%}
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
    {%- set schemas = exactly_once._schemas_beside(live) -%}
    {%- set found = exactly_once._claims_among(schemas, live) -%}
    {%- if not found -%}{{- return(none) -}}{%- endif -%}
    {%- if found | length > 1 -%}
        {%- do exactly_once._refuse(
            'the schemas ' ~ found | join(', '), 'several that a swap has claimed', 'one',
            'If another session runs, wait for it. Else find out which holds the tables of the unfinished step, and rename the other.'
        ) -%}
    {%- endif -%}
    {{- return({
        'schema': exactly_once._relation_beside(live, found[0][live.schema | length:] | lower),
        'marker': exactly_once._parsed_marker(schemas[found[0]])
    }) -}}
{% endmacro %}


{% macro _claim(table, schema, incident_id) %}
    {#-
        Gives a schema a name that only this invocation uses. From here on nobody else's statement reaches what is in it,
        and only here can it be told for certain what that is: a step that had claimed it before may have swapped it.
    -#}
    {%- set claimed = exactly_once._relation_beside(table.live, '__claimed_' ~ invocation_id[:8]) -%}
    {%- if (schema | string | lower) != (claimed | string | lower) -%}{%- do exactly_once._rename_schema(schema, claimed) -%}{%- endif -%}
    {%- if exactly_once._comment_of(claimed) is none -%}
        {%- do exactly_once._refuse_crossed(incident_id, 'another session that took over ' ~ schema.schema) -%}
    {%- endif -%}
    {{- return(claimed) -}}
{% endmacro %}


{% macro _claim_checked(tables, incident_id, place, cloned_at) %}
    {#- Claims the tables that are about to become live, if they are those that were checked and no other step is open. -#}
    {%- set table = tables[0] -%}
    {%- set claimed = exactly_once._claim(table, table[place], incident_id) -%}
    {%- set schemas = exactly_once._schemas_beside(table.live) -%}
    {%- set marker = exactly_once._parsed_marker(exactly_once._comment_of(claimed)) or {} -%}
    {%- if marker.cloned_at != cloned_at or exactly_once._claims_among(schemas, table.live) | length > 1
        or exactly_once.candidate_marker(table.live) -%}
        {%- do exactly_once._name_claim(claimed, table[place], incident_id) -%}
        {%- do exactly_once._refuse_crossed(incident_id, 'a step of another session since the checks; live is untouched by this one') -%}
    {%- endif -%}
    {#- closes the marks to runs that began before -#}
    {%- do run_query(
        'update ' ~ exactly_once._watermarks_of(claimed) ~ ' set generation = ' ~ exactly_once.text_literal(invocation_id)
    ) -%}
    {{- return(claimed) -}}
{% endmacro %}


{% macro _take_claim_back(tables, incident_id, place) %}
    {#-
        A step that died after its claim, or that still runs somewhere and can't swap any more: its tables get their name
        again, unless it has swapped already. Gives the state that this is.
    -#}
    {%- set claimed = exactly_once._claimed_schema(tables[0]) -%}
    {%- if claimed -%}
        {%- do log('  taking over from a step that stopped after its claim of ' ~ claimed.schema.schema, info=true) -%}
        {%- set own = exactly_once._claim(tables[0], claimed.schema, incident_id) -%}
        {%- set marker = exactly_once._parsed_marker(exactly_once._comment_of(own)) or {} -%}
        {%- if incident_id in (marker.incident_id, marker.replaced_for) -%}
            {%- do exactly_once._name_claim(own, tables[0][place], incident_id) -%}
        {%- endif -%}
    {%- endif -%}
    {{- return(exactly_once._remediation_state(tables, incident_id)) -}}
{% endmacro %}


{% macro _name_claim(claimed, name, incident_id) %}
    {#- Gives claimed tables a name that lasts. What an earlier rollback left under it goes aside, until _drop_asides. -#}
    {%- do exactly_once._drop_empty_schema(name) -%}
    {%- if (exactly_once._parsed_marker(exactly_once._comment_of(name)) or {}).withdrawn_for == incident_id -%}
        {%- set aside = exactly_once._aside(name) -%}
        {%- do exactly_once._rename_schema(name, aside) -%}
        {#- else another session took over, and these may be the tables that it has just given the name -#}
        {%- if exactly_once._comment_of(claimed) is none -%}{%- do exactly_once._rename_schema(aside, name) -%}{%- endif -%}
    {%- endif -%}
    {%- if exactly_once._comment_of(claimed) is not none and exactly_once._comment_of(name) is not none -%}
        {%- do exactly_once._refuse(
            'schema ' ~ name.schema, 'tables of its own, while ' ~ claimed.schema ~ ' holds those of an unfinished step',
            'one of the two', 'No table is lost. Candidates: start over with ' ~ exactly_once._verb_command('remediation_clone', incident_id)
            ~ '. Else rename ' ~ name.schema ~ ', and run this again.'
        ) -%}
    {%- endif -%}
    {%- do exactly_once._rename_schema(claimed, name) -%}
    {%- if exactly_once._comment_of(name) is none -%}
        {%- do exactly_once._refuse_crossed(incident_id, 'another session that took over ' ~ claimed.schema) -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_crossed(incident_id, found) %}
    {%- do exactly_once._refuse(
        'incident ' ~ incident_id, found, 'one remediation at a time',
        'No table is lost. Wait until the other has ended, then go on from what this says: '
        ~ exactly_once._verb_command('remediation_status', incident_id)
    ) -%}
{% endmacro %}


{% macro _was_live(table) %}
    {#- Where the tables are that were live before an unfinished step, or none: they bear no marker. -#}
    {%- set claimed = exactly_once._claimed_schema(table) -%}
    {%- if claimed and not claimed.marker -%}{{- return(claimed.schema) -}}{%- endif -%}
    {%- set comment = exactly_once._comment_of(table.candidate) -%}
    {%- if comment is not none and not exactly_once._parsed_marker(comment) and not exactly_once._is_empty_schema(table.candidate) -%}
        {{- return(table.candidate) -}}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _claim_what_was_live(table, kept, incident_id) %}
    {#- Claims the old tables of an unfinished step; none where they are kept already. -#}
    {%- set old = exactly_once._was_live(table) -%}
    {%- if old -%}
        {%- set claimed = exactly_once._claim(table, old, incident_id) -%}
        {%- if not exactly_once._parsed_marker(exactly_once._comment_of(claimed)) -%}{{- return(claimed) -}}{%- endif -%}
    {%- elif exactly_once._comment_of(kept) is not none -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- do exactly_once._refuse(
        'incident ' ~ incident_id, 'no schema with the tables that were live before the step',
        'one that is claimed, or ' ~ kept.schema,
        'If another session runs, wait for it. Else find them (show schemas history), and rename their schema to ' ~ kept.schema
        ~ '; then run this again.'
    ) -%}
{% endmacro %}


{% macro _aside(relation) %}
    {{- return(exactly_once._relation_beside(relation, '__aside_' ~ invocation_id[:8])) -}}
{% endmacro %}


{% macro _drop_asides(table, incident_id) %}
    {#-
        What went aside for tables that have their name by now, of this run and of those that died. Withdrawn tables only
        while others have that name: listed before, so that a schema that is put back is not among them.
    -#}
    {%- set schemas = exactly_once._schemas_beside(table.live) -%}
    {%- set has_withdrawn = exactly_once._comment_of(table.withdrawn) is not none -%}
    {%- set names = [] -%}
    {%- for place in ('candidate', 'replaced', 'withdrawn') -%}
        {%- do names.extend(exactly_once._names_among(schemas, table[place], '__aside_')) -%}
    {%- endfor -%}
    {%- for name in names -%}
        {%- set aside = exactly_once._relation_beside(table.live, name[table.live.schema | length:] | lower) -%}
        {%- set is_withdrawn = (exactly_once._parsed_marker(schemas[name]) or {}).withdrawn_for == incident_id -%}
        {%- if (is_withdrawn and has_withdrawn) or exactly_once._is_empty_schema(aside) -%}
            {%- do run_query('drop schema if exists ' ~ aside.include(identifier=false)) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}


{% macro _drop_empty_schema(relation) %}
    {#- Looked at again under a name of this invocation: a step may have given this one to its tables meanwhile. -#}
    {%- if exactly_once._is_empty_schema(relation) -%}
        {%- set aside = exactly_once._aside(relation) -%}
        {%- do exactly_once._rename_schema(relation, aside) -%}
        {%- if exactly_once._is_empty_schema(aside) -%}
            {%- do run_query('drop schema if exists ' ~ aside.include(identifier=false)) -%}
        {%- else -%}
            {%- do exactly_once._rename_schema(aside, relation) -%}
        {%- endif -%}
    {%- endif -%}
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
