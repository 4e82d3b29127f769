{% macro remediation_clone(incident_id, dry_run=false, replace_candidates=false) %}
    {#-
        Run-operation. Copies the live curated tables to candidates beside them, so that the repair happens behind
        the readers: on Snowflake a zero-copy clone of their schema, <schema>__candidate, with its grants; on DuckDB
        tables <table>__candidate, in one transaction. Run again, it starts over from live. Candidates of another incident
        are refused, unless replace_candidates is true.
    -#}
    {%- do exactly_once._begin_verb('remediation_clone', incident_id) -%}
    {%- do exactly_once._check_incident(incident_id) -%}
    {%- do exactly_once._refuse_while_catching_up('incident ' ~ incident_id) -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- do exactly_once._check_one_schema(tables) -%}
    {%- for table in tables -%}
        {%- if not exactly_once._is_there(table.live) -%}
            {%- do exactly_once._refuse(
                'live table ' ~ table.live, 'none', 'a table to clone', 'Run: dbt build --selector fifteen_minute'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do exactly_once._check_unfinished(tables, incident_id, 'remediation_clone') -%}
    {%- do exactly_once._check_curated_only(tables) -%}
    {%- do exactly_once._check_can_be_renamed(tables, ['live', 'candidate']) -%}
    {%- set state = exactly_once._check_not_swapped(tables, incident_id) -%}
    {%- set replaced = exactly_once._check_candidates_may_go(tables, incident_id, replace_candidates) -%}
    {%- do exactly_once._ledger() -%}
    {%- set half_replaced = exactly_once._half_replaced(incident_id) -%}
    {%- do exactly_once._announce('Cloning', tables, incident_id, dry_run) -%}
    {%- if not dry_run -%}
        {%- do exactly_once._begin_step(
            'remediation_clone', incident_id, {'replace_candidates': true, 'replaced': replaced} if replaced else {}
        ) -%}
        {#- whoever looks for them by their own incident is to find why they are gone -#}
        {%- for other in replaced if other not in half_replaced -%}
            {%- do exactly_once._begin_step('remediation_clone', other, {'replaced_by': incident_id}) -%}
        {%- endfor -%}
        {%- if state == 'claimed' -%}
            {%- do exactly_once._drop_claim(tables, incident_id) -%}
        {%- endif -%}
        {%- do adapter.dispatch('_clone_tables', 'exactly_once')(tables, incident_id) -%}
        {%- for other in (replaced + half_replaced) | unique -%}
            {%- do exactly_once._end_step('remediation_clone', other, arguments={'replaced_by': incident_id}) -%}
        {%- endfor -%}
        {%- do exactly_once._end_step('remediation_clone', incident_id, exactly_once._row_counts(tables, 'candidate')) -%}
    {%- endif -%}
    {%- for other in replaced -%}
        {%- do log('  the candidates of incident ' ~ other ~ (' would be' if dry_run else ' are') ~ ' replaced', info=true) -%}
    {%- endfor -%}
    {%- for table in tables -%}
        {%- do log('  ' ~ table.live ~ (' would be' if dry_run else ' is') ~ ' cloned to ' ~ table.candidate, info=true) -%}
    {%- endfor -%}
    {%- do exactly_once._say_next(exactly_once._build_command(incident_id), dry_run) -%}
{% endmacro %}


{% macro _check_not_swapped(tables, incident_id) %}
    {#- Gives the state, which is none of a swap. -#}
    {%- do exactly_once._check_unfinished(tables, incident_id, 'remediation_clone') -%}
    {%- set state = exactly_once._remediation_state(tables, incident_id) -%}
    {%- if state in ('swapping', 'swapped') -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'a swap that is done: ' ~ tables[0].replaced ~ ' is kept',
            'an incident without a swap', 'Use another incident_id for a further repair.'
        ) -%}
    {%- elif state == 'rolled_back' -%}
        {%- do exactly_once._check_read_again_after_rollback(tables, incident_id) -%}
    {%- endif -%}
    {{- return(state) -}}
{% endmacro %}


{% macro _check_candidates_may_go(tables, incident_id, replace_candidates) %}
    {#-
        A clone replaces what has the candidates' name: another incident's only if asked to, and never what no clone has
        made. Gives the other incidents whose candidates go.
    -#}
    {%- set others = [] -%}
    {#- tables of one schema have one marker -#}
    {%- for table in (tables[:1] if exactly_once._swaps_schemas() else tables) -%}
        {%- set comment = exactly_once._comment_of(table.candidate) -%}
        {%- set cloned_for = (exactly_once._parsed_marker(comment) or {}).incident_id -%}
        {%- if cloned_for and cloned_for != incident_id and cloned_for not in others -%}
            {%- do others.append(cloned_for) -%}
        {%- elif comment is not none and not cloned_for and not exactly_once._is_empty_schema(table.candidate) -%}
            {%- set what = 'schema ' ~ table.candidate.include(identifier=false) if exactly_once._swaps_schemas()
                else 'table ' ~ table.candidate -%}
            {%- do exactly_once._refuse(
                what, 'one that no clone has made', 'candidates, or no ' ~ what, 'Rename it, or drop it, and run this again.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if others and replace_candidates is not sameas true -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id, 'candidates of incident ' ~ others | join(', '), 'no candidates of another incident',
            'Swap those first: ' ~ exactly_once._verb_command('remediation_swap', others[0])
            ~ '. Or give them up: ' ~ exactly_once._verb_command('remediation_clone', incident_id, 'replace_candidates: true')
        ) -%}
    {%- endif -%}
    {{- return(others) -}}
{% endmacro %}


{% macro _half_replaced(incident_id) %}
    {#-
        The incidents whose candidates a clone of this one began to replace, and died: by now they may bear its marker. Not
        those whose candidates were still there, and went on to something else.
    -#}
    {%- set last = {} -%}
    {%- for other, step, phase, arguments in run_query(
        'select incident_id, step, phase, arguments from ' ~ exactly_once.model_relation('remediation_ledger')
        ~ " where step in ('remediation_clone', 'candidate_build', 'remediation_swap') order by entry_number nulls first"
    ).rows -%}
        {%- do last.update({other: (step, phase, exactly_once._mapping(arguments))}) -%}
    {%- endfor -%}
    {%- set half = [] -%}
    {%- for other, entry in last.items() if entry == ('remediation_clone', 'begun', {'replaced_by': incident_id}) -%}
        {%- do half.append(other) -%}
    {%- endfor -%}
    {{- return(half) -}}
{% endmacro %}


{% macro _drop_claim(tables, incident_id) %}
    {#- To start over: drops the candidates that a swap has claimed, if under a name of this invocation they still are. -#}
    {%- set claimed = exactly_once._claimed_schema(tables[0]) -%}
    {%- if claimed -%}
        {%- set own = exactly_once._claim(tables[0], claimed.schema, incident_id) -%}
        {%- if (exactly_once._parsed_marker(exactly_once._comment_of(own)) or {}).incident_id == incident_id -%}
            {%- do run_query('drop schema ' ~ own.include(identifier=false)) -%}
        {%- endif -%}
    {%- endif -%}
    {%- do exactly_once._check_not_swapped(tables, incident_id) -%}
{% endmacro %}


{% macro _announce(doing, tables, incident_id, dry_run) %}
    {%- do log(
        ('Dry run, nothing is written: ' if dry_run else '') ~ doing ~ ' ' ~ tables | length
        ~ ' curated tables for incident ' ~ incident_id, info=true
    ) -%}
{% endmacro %}


{% macro _say_next(command, dry_run=false) %}
    {%- do log('The same without dry_run does it.' if dry_run else 'Next: ' ~ command, info=true) -%}
{% endmacro %}


{% macro _row_counts(tables, place) %}
    {%- set counts = {} -%}
    {%- for table in tables -%}
        {%- do counts.update({table.name: run_query('select count(*) from ' ~ table[place]).rows[0][0] | int}) -%}
    {%- endfor -%}
    {{- return(counts) -}}
{% endmacro %}


{% macro _digests_of(tables, place) %}
    {%- set digests = {} -%}
    {%- for table in tables -%}
        {%- do digests.update({table.name: exactly_once._digest_of(table[place])}) -%}
    {%- endfor -%}
    {{- return(digests) -}}
{% endmacro %}


{% macro _digest_of(relation) %}
    {{- return(run_query(exactly_once.relation_digest(relation)).rows[0][1]) -}}
{% endmacro %}


{% macro _check_one_schema(tables) %}
    {#- One swap of one schema is one step; two would let readers see a mixture. -#}
    {%- set schemas = tables | map(attribute='live') | map(attribute='schema') | map('lower') | unique | list -%}
    {%- if exactly_once._swaps_schemas() and schemas | length > 1 -%}
        {%- do exactly_once._refuse(
            'the models tagged exactly_once_curated', 'several schemas: ' ~ schemas | join(', '), 'one schema',
            'Give them one +schema in dbt_project.yml, so that one step swaps them all.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_can_be_renamed(tables, places) %}
    {#- Told before the repair, not by the swap. -#}
    {%- do adapter.dispatch('_check_can_be_renamed', 'exactly_once')(tables, places) -%}
{% endmacro %}


{% macro default___check_can_be_renamed(tables, places) %}
{% endmacro %}


{#- https://duckdb.org/docs/stable/sql/statements/alter_table: no table is renamed that an index or a key depends on -#}
{% macro duckdb___check_can_be_renamed(tables, places) %}
    {%- set dropped, made, referring = [], [], [] -%}
    {%- for table in tables -%}
        {%- for place in places -%}
            {%- set relation = table[place] -%}
            {%- for name, sql in run_query(
                'select index_name, sql from duckdb_indexes() where ' ~ exactly_once._is_of_table(relation) ~ ' order by 1'
            ).rows -%}
                {%- do dropped.append('drop index ' ~ relation.incorporate(path={'identifier': name})) -%}
                {%- do made.append(sql.rstrip(';')) -%}
            {%- endfor -%}
            {%- do referring.extend(exactly_once._tables_that_refer_to(relation)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if dropped -%}
        {%- do exactly_once._refuse(
            'the curated tables', dropped | length ~ ' indexes', 'tables that DuckDB can rename, without an index',
            'Run: ' ~ dropped | join('; ') ~ '; and this again. They may be made again after the swap: ' ~ made | join('; ')
        ) -%}
    {%- elif referring -%}
        {%- do exactly_once._refuse(
            'the curated tables', 'foreign keys that refer to them, of ' ~ referring | unique | join(', '),
            'tables that DuckDB can rename, without such a key',
            'DuckDB drops no foreign key: make those tables again without it, then run this again.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _tables_that_refer_to(relation) %}
    {{- return(run_query(
        "select distinct schema_name || '.' || table_name from duckdb_constraints() where constraint_type = 'FOREIGN KEY'"
        ~ ' and database_name = ' ~ exactly_once.text_literal(relation.database)
        ~ ' and schema_name = ' ~ exactly_once.text_literal(relation.schema)
        ~ ' and referenced_table = ' ~ exactly_once.text_literal(relation.identifier) ~ ' order by 1'
    ).columns[0].values() | list) -}}
{% endmacro %}


{% macro _check_incident(incident_id) %}
    {#- Stops unless the decisions are of this incident, and of the window in force. -#}
    {%- set decided = exactly_once.decided_incident() -%}
    {%- if decided is none or incident_id != decided -%}
        {%- do exactly_once._refuse(
            'incident_id', incident_id, 'the incident that incident_decisions holds: ' ~ decided,
            'Give that one; or, to decide on this one, run: ' ~ exactly_once._detection_command(incident_id)
        ) -%}
    {%- endif -%}
    {%- set problem = exactly_once._decisions_problem(incident_id) -%}
    {%- if problem -%}
        {%- do exactly_once._refuse(
            'the decisions for incident ' ~ incident_id, problem.found, 'decisions on the window that incident_scope holds',
            'Run: ' ~ problem.command
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _is_there(relation) %}
    {{- return(adapter.get_relation(relation.database, relation.schema, relation.identifier) is not none) -}}
{% endmacro %}


{% macro _warehouse_time() %}
    {#- By the one clock that all sessions have: swaps have the order of their clones. -#}
    {{- return(exactly_once.time_from_micros(
        run_query('select ' ~ exactly_once.epoch_micros(exactly_once._utc_now()) ~ ' as micros').rows[0][0]
    ).isoformat()) -}}
{% endmacro %}


{% macro default___clone_tables(tables, incident_id) %}
    {%- do exactly_once._refuse_engine('remediation_clone') -%}
{% endmacro %}


{% macro duckdb___clone_tables(tables, incident_id) %}
    {%- set watermarks = exactly_once.model_relation('incremental_watermarks') -%}
    {%- set cloned_at = exactly_once._warehouse_time() -%}
    {%- set statements = [] -%}
    {%- for table in tables -%}
        {%- set watermark = exactly_once.recorded_watermark(table.live) -%}
        {%- set marker = {
            'app': 'exactly_once',
            'incident_id': incident_id,
            'cloned_at': cloned_at,
            'cloned_watermark': exactly_once._iso_or_none(watermark),
            'comment_of_live': exactly_once._comment_of(table.live)
        } -%}
        {%- do statements.append(
            'create or replace table ' ~ table.candidate ~ exactly_once._columns_and_constraints(table.live)
        ) -%}
        {%- do statements.append('insert into ' ~ table.candidate ~ ' select * from ' ~ table.live) -%}
        {%- do statements.append(
            'comment on table ' ~ table.candidate ~ ' is ' ~ exactly_once.text_literal(tojson(marker))
        ) -%}
        {%- do statements.append(
            'delete from ' ~ watermarks ~ ' where relation_name = '
            ~ exactly_once.text_literal(exactly_once._watermark_key(table.candidate))
        ) -%}
        {%- do statements.append(
            'insert into ' ~ watermarks ~ ' by name select * replace ('
            ~ exactly_once.text_literal(exactly_once._watermark_key(table.candidate))
            ~ ' as relation_name, null as repaired_for, null as last_run) from ' ~ watermarks ~ ' where relation_name = '
            ~ exactly_once.text_literal(exactly_once._watermark_key(table.live))
        ) -%}
    {%- endfor -%}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}


{#- https://duckdb.org/docs/stable/sql/meta/duckdb_table_functions#duckdb_tables -#}
{% macro _columns_and_constraints(table) %}
    {#- As the statement that makes a table has them, behind its name: with NOT NULL, defaults and keys. -#}
    {%- set statement = run_query(
        'select sql from duckdb_tables() where ' ~ exactly_once._is_of_table(table)
    ).rows[0][0] -%}
    {{- return(modules.re.sub('^CREATE TABLE ("(""|[^"])*"|[^"(])*', '', statement).rstrip(';')) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/create-clone -#}
{% macro snowflake___clone_tables(tables, incident_id) %}
    {%- set live, candidate = tables[0].live, tables[0].candidate -%}
    {#- the swap will need it: better told now than after the repair -#}
    {%- do exactly_once._check_granted(['OWNERSHIP'], 'schema', live.include(identifier=false)) -%}
    {%- set watermarks = {} -%}
    {%- for table in tables -%}
        {#- read before the clone, so that it can only lag behind what is cloned -#}
        {%- set watermark = exactly_once.recorded_watermark(table.live) -%}
        {%- do watermarks.update({table.live.identifier | lower: exactly_once._iso_or_none(watermark)}) -%}
    {%- endfor -%}
    {%- set marker = {
        'app': 'exactly_once',
        'incident_id': incident_id,
        'cloned_at': exactly_once._warehouse_time(),
        'cloned_watermarks': watermarks,
        'comment_of_live': exactly_once._comment_of(live)
    } -%}
    {%- do run_query(
        'create or replace schema ' ~ candidate.include(identifier=false)
        ~ ' clone ' ~ live.include(identifier=false)
        ~ ' comment = ' ~ exactly_once.text_literal(tojson(marker))
    ) -%}
    {%- do exactly_once._yield_to_swap(tables, incident_id, marker.cloned_at) -%}
    {#- an earlier repair of live is not one of the candidate -#}
    {%- do run_query('update ' ~ exactly_once._watermarks_of(candidate) ~ ' set repaired_for = null') -%}
    {%- do exactly_once._copy_grants(tables, 'live', 'candidate') -%}
{% endmacro %}


{% macro _yield_to_swap(tables, incident_id, cloned_at) %}
    {#- A swap that claimed the candidates before they were cloned again goes on with those: the new ones are too many. -#}
    {%- if exactly_once._claimed_schema(tables[0]) or exactly_once._remediation_state(tables, incident_id) != 'cloned' -%}
        {%- set aside = exactly_once._aside(tables[0].candidate) -%}
        {%- do exactly_once._rename_schema(tables[0].candidate, aside) -%}
        {%- set marker = exactly_once._parsed_marker(exactly_once._comment_of(aside)) or {} -%}
        {%- if marker.cloned_at == cloned_at -%}
            {%- do run_query('drop schema ' ~ aside.include(identifier=false)) -%}
        {%- else -%}
            {%- do exactly_once._rename_schema(aside, tables[0].candidate) -%}
        {%- endif -%}
        {%- do exactly_once._check_not_swapped(tables, incident_id) -%}
        {%- do exactly_once._refuse_crossed(incident_id, 'a swap or a rollback that began meanwhile') -%}
    {%- endif -%}
{% endmacro %}
