{% macro uninstall(dry_run=true, also=[]) %}
    {#-
        Run-operation. Says what this package made in the target, and with `dry_run: false` drops it: what a run makes
        again from the source. What readers use and the evidence go only if `also` names them. Schemas are left, for they
        may hold what this role can't see, and DROP SCHEMA would take it along. Run again, it does what is left, or nothing.
    -#}
    {%- set also = exactly_once._checked_uninstall(dry_run, also) -%}
    {%- do exactly_once.tag_queries('uninstall') -%}
    {%- do exactly_once.check_session() -%}
    {%- set known = exactly_once._made_relations() -%}
    {%- set repairs = exactly_once._open_repairs() -%}
    {%- if repairs and ('curated' in also or not dry_run) -%}{%- do exactly_once._refuse_uninstall_in_repair(repairs) -%}{%- endif -%}
    {%- if 'audit' in also -%}{%- do exactly_once._check_nothing_in_quarantine(known) -%}{%- endif -%}
    {%- set lines = exactly_once._uninstall_lines(known, repairs, also) -%}
    {%- set statements = lines | map(attribute='statement') | select | list -%}
    {%- set own_schemas = exactly_once._own_schemas(known) -%}
    {%- do log(
        ('Dry run, nothing is dropped: ' ~ statements | length ~ ' to drop' if dry_run else 'Dropping ' ~ statements | length)
        ~ ' of what exactly_once made in target ' ~ target.name, info=true
    ) -%}
    {%- if statements and not dry_run -%}
        {%- do adapter.dispatch('_run_drops', 'exactly_once')(statements) -%}
    {%- endif -%}
    {%- set rows = [] -%}
    {%- for line in lines -%}
        {%- do rows.append([line.name, 'kept' if not line.statement else 'would be dropped' if dry_run else 'dropped', line.why]) -%}
    {%- endfor -%}
    {%- do exactly_once._log_table(['relation', 'is', 'why'], rows, 3) if rows else log('  nothing is left', info=true) -%}
    {%- if dry_run and statements -%}
        {%- do log("To drop them: dbt run-operation uninstall --args '" ~ exactly_once._uninstall_arguments(also) ~ "'", info=true) -%}
    {%- endif -%}
    {%- if dry_run and repairs -%}
        {%- set ids = exactly_once._incidents_of(repairs) -%}
        {%- do log(
            'First retire ' ~ ids | join(', ') ~ ', or it is refused. The next command: '
            ~ exactly_once._verb_command('remediation_status', ids[0]), info=true
        ) -%}
    {%- endif -%}
    {%- do exactly_once._log_what_is_left_by_hand(own_schemas) -%}
{% endmacro %}


{% macro _incidents_of(repairs) %}
    {{- return(repairs | map(attribute='incident_id') | unique | sort | list) -}}
{% endmacro %}


{% macro _checked_uninstall(dry_run, also) %}
    {#- `also` as a list. -#}
    {%- if dry_run is not boolean -%}
        {%- do exactly_once._refuse('dry_run', dry_run, 'true or false', "Run: dbt run-operation uninstall --args '{dry_run: false}'") -%}
    {%- endif -%}
    {%- set parts = [also] if also is string else also -%}
    {%- set accepted = ['curated', 'audit'] -%}
    {%- if parts is mapping or parts is not iterable or parts | reject('in', accepted) | list -%}
        {%- do exactly_once._refuse(
            'also', also, 'a list of: ' ~ accepted | join(', '), "Run: dbt run-operation uninstall --args '{also: [curated]}'"
        ) -%}
    {%- endif -%}
    {{- return(parts) -}}
{% endmacro %}


{% macro _uninstall_arguments(also) %}
    {{- return('{dry_run: false' ~ (', also: [' ~ also | join(', ') ~ ']' if also else '') ~ '}') -}}
{% endmacro %}


{% macro _made_relations() %}
    {#- What the package's nodes are stored in, by its name in the catalog: {key: {name, part, relation}}. -#}
    {%- set evidence = ['audit_decisions', 'remediation_ledger', 'quarantined_events'] -%}
    {#- the view that others read, and what it reads; the tables may hold what has left the source -#}
    {%- set used = ['stg_events_counted', 'stg_events', 'stg_events_deduplicated', 'stg_events_kept', 'decision_overrides'] -%}
    {%- set known = {} -%}
    {%- for node in graph.nodes.values() if node.package_name == 'exactly_once' and node.config.materialized != 'ephemeral'
        and (node.resource_type in ('model', 'seed', 'snapshot') or node.get('relation_name')) -%}
        {%- set is_curated = 'exactly_once_curated' in node.tags and node.resource_type == 'model' -%}
        {%- set relation = exactly_once._live_relation(node) if is_curated else api.Relation.create(
            database=node.database, schema=node.schema, identifier=node.alias
        ) -%}
        {%- do known.update({exactly_once._catalog_key(relation): {
            'name': node.name,
            'part': 'audit' if node.name in evidence
                else 'curated' if is_curated or node.name in used else node.resource_type,
            'relation': relation
        }}) -%}
    {%- endfor -%}
    {%- do known.pop(exactly_once._catalog_key(exactly_once._source_relation(exactly_once.settings())), none) -%}
    {{- return(known) -}}
{% endmacro %}


{% macro _catalog_key(relation) %}
    {{- return(adapter.dispatch('_catalog_key', 'exactly_once')(relation)) -}}
{% endmacro %}


{% macro default___catalog_key(relation) %}
    {{- return((relation.database | lower, relation.schema | lower, (relation.identifier or '') | lower)) -}}
{% endmacro %}


{#- A name in quotes is another one than the same name without: https://docs.snowflake.com/en/sql-reference/identifiers-syntax -#}
{% macro snowflake___catalog_key(relation) %}
    {%- set quoted = relation.quote_policy -%}
    {{- return((
        exactly_once._stored_name(relation.database, quoted.database), exactly_once._stored_name(relation.schema, quoted.schema),
        exactly_once._stored_name(relation.identifier or '', quoted.identifier)
    )) -}}
{% endmacro %}


{% macro _uninstall_lines(known, repairs, also) %}
    {#- What is in the schemas of the package, views first: [{name, why, statement}]; no statement where it is kept. -#}
    {%- set views, tables, kept = [], [], [] -%}
    {%- for schema in exactly_once._schemas_of(known) -%}
        {%- set shared = exactly_once._why_schema_is_shared(schema) -%}
        {%- for relation in exactly_once._relations_in(schema) -%}
            {%- set judged = exactly_once._judged_relation(relation, known, repairs, also, shared) -%}
            {%- do (kept if not judged.is_dropped else views if relation.is_view else tables).append({
                'name': relation | string, 'why': judged.why,
                'statement': exactly_once._drop_of(relation) if judged.is_dropped
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for repair in repairs if repair.is_schema -%}
        {%- do kept.append({'name': 'schema ' ~ repair.name, 'why': exactly_once._why_repair_stays(repair), 'statement': none}) -%}
    {%- endfor -%}
    {{- return(views + tables + kept) -}}
{% endmacro %}


{% macro _schemas_of(known) %}
    {%- set schemas = {} -%}
    {%- for made in known.values() -%}
        {%- set schema = made.relation.without_identifier() -%}
        {%- do schemas.update({exactly_once._catalog_key(schema): schema}) -%}
    {%- endfor -%}
    {{- return(schemas.values() | list) -}}
{% endmacro %}


{% macro _own_schemas(known) %}
    {#- The schemas that are there and that nobody else of this project uses. -#}
    {%- set own = [] -%}
    {%- for schema in exactly_once._schemas_of(known)
        if not exactly_once._why_schema_is_shared(schema) and adapter.check_schema_exists(schema.database, schema.schema) -%}
        {%- do own.append(schema | string) -%}
    {%- endfor -%}
    {{- return(own | sort) -}}
{% endmacro %}


{% macro _relations_in(schema) %}
    {#- Asked of the catalog, which spells names as they are: what is known to dbt may be in another case. -#}
    {%- set relations = [] -%}
    {%- for row in run_query(adapter.dispatch('_catalog_of', 'exactly_once')(schema)).rows -%}
        {%- do relations.append(api.Relation.create(
            database=schema.database, schema=schema.schema, identifier=row[0], type='view' if row[1] == 'VIEW' else 'table',
            quote_policy=dict(schema.quote_policy.to_dict(), identifier=true)
        )) -%}
    {%- endfor -%}
    {{- return(relations) -}}
{% endmacro %}


{% macro default___catalog_of(schema) %}
    {%- do exactly_once._refuse_engine('uninstall') -%}
{% endmacro %}


{% macro duckdb___catalog_of(schema) %}
    select table_name, table_type from information_schema.tables
    where lower(table_catalog) = {{ exactly_once.text_literal(schema.database | lower) }}
        and lower(table_schema) = {{ exactly_once.text_literal(schema.schema | lower) }}
    order by table_name
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/info-schema/tables -#}
{% macro snowflake___catalog_of(schema) %}
    select table_name, table_type from {{ schema.information_schema() }}.tables
    where table_schema = {{ exactly_once.text_literal(exactly_once._catalog_key(schema)[1]) }}
    order by table_name
{% endmacro %}


{% macro _judged_relation(relation, known, repairs, also, shared) %}
    {#- {is_dropped, why} of a relation in one of the package's schemas. -#}
    {%- for repair in repairs if not repair.is_schema and repair.key == exactly_once._catalog_key(relation) -%}
        {{- return({'is_dropped': false, 'why': exactly_once._why_repair_stays(repair)}) -}}
    {%- endfor -%}
    {#- a run that died leaves what dbt builds beside a table -#}
    {%- set whole = relation.incorporate(path={'identifier': modules.re.sub('(?i)__dbt_(tmp|backup)$', '', relation.identifier)}) -%}
    {%- set made = known.get(exactly_once._catalog_key(whole)) -%}
    {%- if not made -%}{{- return({'is_dropped': false, 'why': 'not made by exactly_once'}) -}}{%- endif -%}
    {#- there somebody else's table may have the name of one of ours that was never built -#}
    {%- if shared -%}
        {{- return({'is_dropped': false, 'why': 'in ' ~ shared ~ ', by hand if exactly_once made it: '
            ~ exactly_once._drop_of(relation)}) -}}
    {%- endif -%}
    {%- set reasons = {
        'seed': 'dbt seed loads it again', 'curated': 'what readers use', 'audit': 'the evidence',
        'test': 'failing rows of a test'
    } -%}
    {%- set is_dropped = made.part not in ('curated', 'audit') or made.part in also -%}
    {{- return({
        'is_dropped': is_dropped,
        'why': reasons.get(made.part, 'a run makes it again from the source')
            ~ ('' if is_dropped else '; also: [' ~ made.part ~ '] drops it')
    }) -}}
{% endmacro %}


{% macro _drop_of(relation) %}
    {{- return('drop ' ~ relation.type ~ ' if exists ' ~ relation) -}}
{% endmacro %}


{% macro _why_repair_stays(repair) %}
    {{- return('incident ' ~ repair.incident_id ~ ' is between clone and retire') -}}
{% endmacro %}


{% macro _why_schema_is_shared(schema) %}
    {#- Who else of this project has tables in a schema, or nothing. -#}
    {%- set key = exactly_once._catalog_key(schema) -%}
    {%- for relation, why in [
        (api.Relation.create(database=target.database, schema=target.schema), 'the schema of the target'),
        (exactly_once._source_relation(exactly_once.settings()), 'the schema of the source')
    ] if exactly_once._catalog_key(relation.without_identifier()) == key -%}
        {{- return(why) -}}
    {%- endfor -%}
    {%- for node in graph.nodes.values() if node.package_name != 'exactly_once' and node.resource_type in ('model', 'seed', 'snapshot') -%}
        {%- set place = api.Relation.create(database=node.database, schema=node.schema) -%}
        {%- if exactly_once._catalog_key(place) == key -%}{{- return('the schema of ' ~ node.name ~ ' too') -}}{%- endif -%}
    {%- endfor -%}
    {{- return('') -}}
{% endmacro %}


{% macro _open_repairs() %}
    {#- The tables, or the schemas, that a repair has made and not retired yet: [{name, key, is_schema, incident_id}]. -#}
    {%- set schemas, live_keys = {}, [] -%}
    {%- for table in exactly_once.curated_relations('') -%}
        {%- do schemas.update({exactly_once._catalog_key(table.live.without_identifier()): table.live}) -%}
        {%- do live_keys.append(exactly_once._catalog_key(table.live)) -%}
    {%- endfor -%}
    {%- set found = [] -%}
    {%- for live in schemas.values() -%}
        {%- for name, comment in exactly_once._commented_beside(live) -%}
            {#- the ledger and stg_events_deduplicated keep other notes there, which name no incident -#}
            {%- set marker = exactly_once._parsed_marker(comment) or {} -%}
            {%- set incident_id = marker.incident_id or marker.replaced_for or marker.withdrawn_for -%}
            {%- set is_schema = exactly_once._swaps_schemas() -%}
            {%- set relation = live.incorporate(path={'schema' if is_schema else 'identifier': name}) -%}
            {%- set key = exactly_once._catalog_key(relation) -%}
            {#- a table that was swapped in on DuckDB keeps the marker of the candidate that it was -#}
            {%- if incident_id and (is_schema or key not in live_keys) -%}
                {%- do found.append({
                    'name': (relation.without_identifier() if is_schema else relation) | string,
                    'key': key,
                    'is_schema': is_schema,
                    'incident_id': incident_id
                }) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}


{% macro _commented_beside(live) %}
    {#- [(name, comment)] of what a repair may have made: tables, or schemas with one of its endings. -#}
    {%- set found = [] -%}
    {%- for row in exactly_once._ask(adapter.dispatch('_commented_beside', 'exactly_once')(live)).rows -%}
        {%- if not exactly_once._swaps_schemas() or exactly_once._is_of_repair(row[0], live) -%}
            {%- do found.append((row[0], row[1])) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}


{% macro _is_of_repair(schema, live) %}
    {#- The schema of another deployment may begin like that of live. -#}
    {%- set is_live = schema == exactly_once._stored_name(live.schema, live.quote_policy.schema) -%}
    {%- set endings = ['__candidate', '__replaced_', '__withdrawn_', '__claimed_', '__aside_'] -%}
    {%- set names = [] -%}
    {%- for ending in endings -%}{%- do names.extend(exactly_once._names_among([schema], live, ending)) -%}{%- endfor -%}
    {{- return(is_live or names | length > 0) -}}
{% endmacro %}


{% macro default___commented_beside(live) %}
    {%- do exactly_once._refuse_engine('uninstall') -%}
{% endmacro %}


{% macro duckdb___commented_beside(live) %}
    select table_name, comment from duckdb_tables()
    where database_name = {{ exactly_once.text_literal(live.database) }}
        and schema_name = {{ exactly_once.text_literal(live.schema) }}
        and comment is not null
    order by table_name
{% endmacro %}


{#- An unfinished swap has left the marker on live itself. -#}
{% macro snowflake___commented_beside(live) %}
    {%- set schema = exactly_once._stored_name(live.schema, live.quote_policy.schema) %}
    select schema_name, comment from {{ live.information_schema() }}.schemata
    where (schema_name = {{ exactly_once.text_literal(schema) }} or startswith(schema_name, {{ exactly_once.text_literal(schema ~ '__') }}))
        and comment is not null
    order by schema_name
{% endmacro %}


{% macro _refuse_uninstall_in_repair(repairs) %}
    {#- What decides and approves a repair is among what is dropped: without it none could be finished or undone. -#}
    {%- set ids = exactly_once._incidents_of(repairs) -%}
    {%- do exactly_once._refuse(
        'the curated tables', 'incident ' ~ ids | join(', ') ~ ' between clone and retire: '
        ~ repairs | map(attribute='name') | join(', '),
        'no open incident', 'Run: ' ~ exactly_once._verb_command('remediation_status', ids[0])
        ~ ', which gives the next command, and retire it.'
    ) -%}
{% endmacro %}


{% macro _check_nothing_in_quarantine(known) %}
    {#- These rows are nowhere else: dropping them would lose them. -#}
    {%- for made in known.values() if made.name == 'quarantined_events' and exactly_once._is_there(made.relation) -%}
        {%- set waiting = run_query(
            'select incident_id, count(*) as copy_count from ' ~ made.relation ~ ' where restored_at is null group by 1 order by 1'
        ).rows -%}
        {%- if waiting -%}
            {%- set commands = [] -%}
            {%- for row in waiting -%}{%- do commands.append(exactly_once._verb_command('raw_restore', row[0])) -%}{%- endfor -%}
            {%- do exactly_once._refuse(
                'the quarantine ' ~ made.relation,
                exactly_once._with_commas(waiting | map(attribute=1) | map('int') | sum) ~ ' rows that are not restored',
                'none', 'Leave audit out of `also`, or put them back: ' ~ commands | join('; ')
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}


{% macro default___run_drops(statements) %}
    {%- for statement in statements -%}{%- do run_query(statement) -%}{%- endfor -%}
{% endmacro %}


{% macro duckdb___run_drops(statements) %}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}


{% macro _log_what_is_left_by_hand(schemas) %}
    {%- set vars, readers = [], [] -%}
    {%- for name, place in exactly_once._where_vars_are_set().items() if name in exactly_once._known_vars() -%}
        {%- do vars.append(name ~ ' (' ~ place ~ ')') -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() if node.package_name != 'exactly_once' and node.resource_type in ('model', 'snapshot') -%}
        {%- for parent in node.depends_on.nodes
            if parent.split('.')[1] == 'exactly_once' and not parent.startswith('source.') and node.name not in readers -%}
            {%- do readers.append(node.name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do log('What is left to do by hand:', info=true) -%}
    {%- if readers -%}
        {%- do log('  - point these models of yours elsewhere: ' ~ readers | sort | join(', '), info=true) -%}
    {%- endif -%}
    {%- if schemas -%}
        {%- do log('  - drop these schemas, once you have seen that nothing of yours is in them: ' ~ schemas | join(', '), info=true) -%}
    {%- endif -%}
    {%- do log('  - take exactly_once out of packages.yml, then: dbt deps', info=true) -%}
    {%- do log('  - take its vars out of your jobs and projects' ~ (': ' ~ vars | sort | join(', ') if vars else ''), info=true) -%}
    {%- do log('  - take `exactly_once:` out of models, seeds and snapshots in dbt_project.yml, and `dispatch`', info=true) -%}
    {%- do log('  - delete its selectors, and your copies of incident_register, decision_overrides and payload_field_policy', info=true) -%}
    {%- do log('  - the same in each other target', info=true) -%}
{% endmacro %}
