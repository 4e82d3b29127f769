{% macro remediation_validate(incident_id, dry_run=false) %}
    {#-
        Run-operation. Checks the candidates of an incident against live, the deduplicated events and the
        decisions, prints one line per check, and stops with an error if one fails. Gives the digests of the tables and
        what the checks found: {live: {name: digest}, candidate: {..}, checks: {name: text}}. dry_run makes no difference, for it never writes.
    -#}
    {%- do exactly_once._begin_verb('remediation_validate', incident_id) -%}
    {{- return(exactly_once._validated(incident_id)) -}}
{% endmacro %}


{% macro _validated(incident_id) %}
    {%- do exactly_once._check_incident(incident_id) -%}
    {%- do log('Validating the candidates of incident ' ~ incident_id, info=true) -%}
    {%- set checks = [exactly_once._last_build_ended(incident_id)] + exactly_once._decision_checks(incident_id)
        + [exactly_once._quarantine_is_decided(incident_id)] -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- for table in tables -%}{%- do exactly_once._check_clone(table, incident_id) -%}{%- endfor -%}
    {%- do exactly_once._check_can_be_renamed(tables, ['live', 'candidate']) -%}
    {%- if exactly_once._swaps_schemas() -%}
        {%- do checks.extend([exactly_once._views_are_kept(tables, 'candidate'), exactly_once._grants_are_kept(tables)]) -%}
    {%- endif -%}
    {%- set digests = {'live': {}, 'candidate': {}} -%}
    {%- for table in tables -%}
        {%- do checks.extend(exactly_once._candidate_checks(table, digests)) -%}
    {%- endfor -%}
    {%- for check in checks -%}
        {%- do log('  ' ~ ('pass' if check.passed else 'FAIL') ~ '  ' ~ check.name ~ ': ' ~ check.found, info=true) -%}
    {%- endfor -%}
    {%- set failed = checks | rejectattr('passed') | map(attribute='name') | list -%}
    {%- if failed -%}
        {%- do exactly_once._refuse(
            'the candidates of incident ' ~ incident_id, 'failed checks: ' ~ failed | join('; '), 'every check passed',
            'Live is untouched. Build the candidates again: ' ~ exactly_once._build_command(incident_id)
            ~ '; or start over: ' ~ exactly_once._verb_command('remediation_clone', incident_id)
            ~ '. If decisions are missing, copies have arrived since; then run first: '
            ~ exactly_once._detection_command(incident_id)
        ) -%}
    {%- endif -%}
    {%- set found = {} -%}
    {%- for check in checks -%}{%- do found.update({check.name: check.found}) -%}{%- endfor -%}
    {{- return(dict(digests, checks=found)) -}}
{% endmacro %}


{% macro _check_clone(table, incident_id) %}
    {%- set marker = exactly_once.candidate_marker(table.candidate) if exactly_once._is_there(table.candidate) else none -%}
    {%- if marker is none or marker.incident_id != incident_id -%}
        {%- do exactly_once._refuse(
            'candidate ' ~ table.candidate, 'none' if marker is none else 'a clone for incident ' ~ marker.incident_id,
            'a clone for incident ' ~ incident_id,
            'Run: ' ~ exactly_once._verb_command('remediation_clone', incident_id)
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _last_build_ended(incident_id) %}
    {#-
        A build has no end in the ledger where a model or one of its tests failed, where it left out a curated table, or
        while it goes on. Repaired rows of this package's tables are computed again here; those of others have their tests alone.
    -#}
    {%- set build = exactly_once._last_entry('candidate_build', incident_id) or {} -%}
    {%- set tests = (build.get('counts') or {}).get('tests', 0) -%}
    {%- set of_others = [] -%}
    {%- for table in exactly_once.curated_relations(incident_id) if not exactly_once.curated_keys(table.name) -%}
        {%- do of_others.append(table.name) -%}
    {%- endfor -%}
    {%- set untested = build.phase == 'ended' and not tests and of_others -%}
    {%- set built_again = [] -%}
    {%- for table in exactly_once.curated_relations(incident_id)
        if build.phase == 'ended' and exactly_once._recorded(table.candidate, 'last_run') != build.invocation_id -%}
        {%- do built_again.append(table.name) -%}
    {%- endfor -%}
    {{- return({
        'name': 'the last build of the candidates ended well',
        'found': 'without tests, and nothing else looks at the repaired rows of ' ~ of_others | join(', ') if untested
            else 'not of ' ~ built_again | join(', ') ~ ', which a run of a part has built since' if built_again
            else {
                'begun': 'it failed, left out a table, or goes on',
                'ended': 'with ' ~ tests ~ ' tests' if tests else 'without tests'
            }.get(build.phase, 'no build'),
        'passed': build.phase == 'ended' and not untested and not built_again
    }) -}}
{% endmacro %}


{% macro _quarantine_is_decided(incident_id) %}
    {#- A detection after the raw repair finds none of its copies: what is checked would be less than what was approved. -#}
    {%- set quarantine = exactly_once.model_relation('quarantined_events') -%}
    {%- set undecided = run_query(
        'select count(*) from ' ~ quarantine ~ ' as quarantined where incident_id = '
        ~ exactly_once.text_literal(incident_id) ~ ' and restored_at is null and not exists (select 1 from '
        ~ exactly_once.model_relation('incident_decisions') ~ ' as decisions where decisions.row_hash = quarantined.row_hash'
        ~ " and decisions.copy_number = quarantined.copy_number and decisions.decision = 'remove')"
    ).rows[0][0] | int if exactly_once._is_there(quarantine) else 0 -%}
    {{- return({
        'name': 'copies in quarantine are among the decisions',
        'found': undecided ~ ' that are not. Run: ' ~ exactly_once._verb_command('raw_restore', incident_id) ~ ' and then: '
            ~ exactly_once._detection_command(incident_id) if undecided else 'all',
        'passed': undecided == 0
    }) -}}
{% endmacro %}


{% macro _candidate_checks(table, digests) %}
    {#- [{name, found, passed}]; the digests of live and of the candidate are put into `digests`. -#}
    {%- set key = table.unique_key | join(', ') -%}
    {%- set name = table.live.identifier -%}
    {%- set checks = [] -%}

    {%- set repeated = run_query(
        'select count(*) from (select ' ~ key ~ ' from ' ~ table.candidate ~ ' group by ' ~ key
        ~ ' having count(*) > 1) as repeated'
    ).rows[0][0] -%}
    {%- do checks.append({
        'name': name ~ ', one row per key', 'found': repeated ~ ' repeated keys', 'passed': repeated == 0
    }) -%}

    {%- set repaired_for = exactly_once._recorded(table.candidate, 'repaired_for') -%}
    {%- do checks.append({
        'name': name ~ ', built since the clone',
        'found': 'for incident ' ~ repaired_for if repaired_for else 'not yet',
        'passed': repaired_for == exactly_once.candidate_marker(table.candidate).incident_id
    }) -%}

    {%- do checks.append(exactly_once._columns_are_kept(table)) -%}

    {%- set events = exactly_once.model_relation('stg_events_deduplicated') -%}
    {%- set candidate_mark = exactly_once.recorded_watermark(table.candidate) -%}
    {%- set events_mark = exactly_once.arrival_watermark(events) -%}
    {%- set missing = exactly_once._events_not_deduplicated(table) -%}
    {%- set lacking = exactly_once._runs_lacking(
        exactly_once._recorded_row(table.live), exactly_once._recorded_row(table.candidate)
    ) -%}
    {%- do checks.append({
        'name': name ~ ', caught up with what has arrived',
        'found': 'to ' ~ candidate_mark ~ ', deduplicated events to ' ~ events_mark ~ ', '
            ~ missing ~ ' arrived events not deduplicated'
            ~ (', without what live read again from ' ~ exactly_once._earliest_start(lacking) ~ ' on' if lacking else ''),
        'passed': missing == 0 and not lacking
            and (events_mark is none or (candidate_mark is not none and candidate_mark >= events_mark))
    }) -%}

    {%- set own_keys = exactly_once._keys_of_build(table) -%}
    {%- set outside = name ~ ', rows outside the repair are those of live' -%}
    {%- set keys = exactly_once.curated_keys(table.name) or own_keys -%}
    {%- if keys -%}
        {#- stored once: each of the checks below reads it -#}
        {%- set stored_keys = exactly_once._temporary_table('computed_again_' ~ table.name) -%}
        {%- do run_query(
            'create or replace temporary table ' ~ stored_keys ~ ' as ' ~ exactly_once._keys_computed_again(table, keys)
        ) -%}
        {%- set computed_again = 'select * from ' ~ stored_keys -%}
        {%- set equals = 'is not distinct from' if own_keys else '=' -%}
        {%- set live = exactly_once._whole_and_outside(table.live, stored_keys, keys, equals) -%}
        {%- set candidate = exactly_once._whole_and_outside(table.candidate, stored_keys, keys, equals) -%}
        {%- set is_equal = live.outside_digest == candidate.outside_digest -%}
        {%- do checks.append({
            'name': outside,
            'found': candidate.outside_count ~ ' rows, live ' ~ live.outside_count ~ ', ' ~ (
                'equal digests' if is_equal else 'digests differ' if not own_keys
                else 'digests differ. If a repair has to change rows of other keys than those of changed_keys, have the meta of'
                ~ ' the model say so: repairs_other_rows: true'
            ),
            'passed': is_equal
        }) -%}
        {%- do digests.live.update({table.name: live.digest}) -%}
        {%- do digests.candidate.update({table.name: candidate.digest}) -%}
        {%- if not own_keys -%}
            {%- do checks.extend(exactly_once._checks_of_repaired_rows(table, keys, computed_again)) -%}
        {%- endif -%}
        {%- do run_query('drop table ' ~ stored_keys) -%}
    {%- else -%}
        {%- do checks.append({
            'name': outside, 'passed': true,
            'found': 'not compared: ' ~ (
                'its meta has repairs_other_rows' if table.repairs_other_rows
                else 'its build has recorded no one changed_keys of the source by its unique_key'
            )
        }) -%}
        {%- for place in ('live', 'candidate') -%}
            {%- do digests[place].update({table.name: exactly_once._digest_of(table[place])}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(checks) -}}
{% endmacro %}


{% macro _keys_of_build(table) %}
    {#-
        The keys that a project's own model passed to changed_keys, as {column: SQL}; none for this package's models, and where
        they are not its unique_key, or its meta says that a repair changes more.
    -#}
    {%- set keys = exactly_once._recorded_vars(exactly_once._recorded_row(table.candidate)).get('keys') or {} -%}
    {%- set is_unique_key = keys.keys() | map('lower') | sort == table.unique_key | map('lower') | sort -%}
    {{- return(keys if is_unique_key and not table.repairs_other_rows else {}) -}}
{% endmacro %}


{% macro _checks_of_repaired_rows(table, keys, computed_again) %}
    {#- Of this package's tables, whose rows can be computed here once more. -#}
    {%- set is_in_reach = exactly_once._in_reach_of_repair(table, computed_again) -%}
    {%- set repaired, different = run_query(
        exactly_once._compared_repaired_rows(table, keys, computed_again, is_in_reach)
    ).rows[0].values() | map('int') -%}
    {%- set checks = [{
        'name': table.live.identifier ~ ', repaired rows are those that the deduplicated events make',
        'found': exactly_once._with_commas(repaired) ~ ' rows'
            ~ (', other values for ' ~ exactly_once._with_commas(different) ~ ' keys' if different else ', equal in each column'),
        'passed': different == 0
    }] -%}
    {%- if table.name == 'payments' -%}
        {%- do checks.append(exactly_once._gmv_reconciles(table, computed_again, is_in_reach)) -%}
    {%- endif -%}
    {{- return(checks) -}}
{% endmacro %}


{% macro _whole_and_outside(relation, stored_keys, keys, equals) %}
    {#-
        Read once: the digest of all rows, and {outside_count, outside_digest} of those that the repair left alone.
        equals: as keys are compared; those of this package's tables are never NULL.
    -#}
    {%- set hashed = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do hashed.append({'name': column.name, 'sql': 'checked.' ~ adapter.quote(column.name), 'type': column.data_type}) -%}
    {%- endfor -%}
    {%- set found -%}
        select
            {{ exactly_once._digest_of_rows('true') }} as digest,
            count(case when is_outside then 1 end) as outside_count,
            {{ exactly_once._digest_of_rows('is_outside') }} as outside_digest
        from (
            select
                {{ exactly_once.row_hash(hashed) }} as row_md5,
                computed_again.is_repaired is null as is_outside
            from {{ relation }} as checked
            left join (select {{ keys.keys() | join(', ') }}, true as is_repaired from {{ stored_keys }}) as computed_again
                on
                    {% for column in keys -%}
                    computed_again.{{ column }} {{ equals }} checked.{{ column }}{{ ' and ' if not loop.last }}
                    {%- endfor %}
        ) as hashed
    {%- endset -%}
    {%- set digest, outside_count, outside_digest = run_query(found).rows[0].values() -%}
    {{- return({'digest': digest, 'outside_count': outside_count, 'outside_digest': outside_digest}) -}}
{% endmacro %}


{% macro _in_reach_of_repair(table, computed_again) %}
    {#-
        A predicate with literal bounds on the events that the repaired rows are held against. For payments told from
        live and from the copies, not from the candidate: a repair that left early events out would bound them away.
    -#}
    {%- if table.name == 'payments' -%}
        {%- set first_copy = run_query(exactly_once._earliest_repaired_copy(
            exactly_once.model_relation('stg_events'), exactly_once.model_relation('incident_duplicate_groups'),
            exactly_once.model_relation('incident_decisions')
        )).rows[0][0] -%}
        {%- set bounds = [
            exactly_once.earliest_event_of_payments(table.live, computed_again, exactly_once._cloned_watermark(table))
        ] -%}
        {%- if first_copy is not none -%}{%- do bounds.append(exactly_once._hour_from_micros(first_copy)) -%}{%- endif -%}
        {{- return(exactly_once.event_time_from(none if none in bounds else bounds | min)) -}}
    {%- endif -%}
    {{- return(exactly_once.same_event_hours(computed_again)) -}}
{% endmacro %}


{% macro _columns_are_kept(table) %}
    {#- Names and types in their order, NOT NULL, defaults, and on DuckDB constraints. -#}
    {%- set columns = exactly_once._column_types(table.live) -%}
    {%- set live = columns + exactly_once._constraints(table.live) -%}
    {%- set candidate = exactly_once._column_types(table.candidate) + exactly_once._constraints(table.candidate) -%}
    {%- set differences = [] -%}
    {%- for one in live if one not in candidate -%}{%- do differences.append('live has ' ~ one) -%}{%- endfor -%}
    {%- for one in candidate if one not in live -%}{%- do differences.append('the candidate has ' ~ one) -%}{%- endfor -%}
    {{- return({
        'name': table.live.identifier ~ ', columns are those of live',
        'found': columns | length ~ ' columns' if candidate == live else differences | join(', ') or 'another order',
        'passed': candidate == live
    }) -}}
{% endmacro %}


{% macro _column_types(relation) %}
    {%- set rules = adapter.dispatch('_column_rules', 'exactly_once')(relation) -%}
    {%- set columns = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do columns.append(column.name | lower ~ ' ' ~ column.data_type | lower ~ rules.get(column.name, '')) -%}
    {%- endfor -%}
    {{- return(columns) -}}
{% endmacro %}


{% macro default___column_rules(relation) %}
    {%- do exactly_once._refuse_engine('remediation_validate') -%}
{% endmacro %}


{% macro duckdb___column_rules(relation) %}
    {#- {name of a column: what it says beside its type}. -#}
    {{- return(exactly_once._rules_by_column(
        'select column_name, is_nullable, column_default from duckdb_columns() where ' ~ exactly_once._is_of_table(relation)
    )) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/info-schema/columns -#}
{% macro snowflake___column_rules(relation) %}
    {{- return(exactly_once._rules_by_column(
        "select column_name, is_nullable = 'YES' as is_nullable, column_default from " ~ relation.information_schema()
        ~ '.columns where table_schema = '
        ~ exactly_once.text_literal(exactly_once._stored_name(relation.schema, relation.quote_policy.schema))
        ~ ' and table_name = '
        ~ exactly_once.text_literal(exactly_once._stored_name(relation.identifier, relation.quote_policy.identifier))
    )) -}}
{% endmacro %}


{% macro _rules_by_column(query) %}
    {%- set rules = {} -%}
    {%- for name, is_nullable, value in run_query(query).rows -%}
        {%- do rules.update({
            name: ('' if is_nullable else ' not null') ~ (' default ' ~ value if value is not none else '')
        }) -%}
    {%- endfor -%}
    {{- return(rules) -}}
{% endmacro %}


{% macro _constraints(relation) %}
    {{- return(adapter.dispatch('_constraints', 'exactly_once')(relation)) -}}
{% endmacro %}


{#- a clone of a schema has them -#}
{% macro default___constraints(relation) %}
    {{- return([]) -}}
{% endmacro %}


{% macro duckdb___constraints(relation) %}
    {{- return(run_query(
        "select constraint_text from duckdb_constraints() where constraint_type <> 'NOT NULL' and "
        ~ exactly_once._is_of_table(relation) ~ ' order by 1'
    ).columns[0].values() | list) -}}
{% endmacro %}


{% macro _gmv_reconciles(table, computed_again, is_in_reach) %}
    {#-
        Captured amounts of the repaired payments, by currency, against the decisions: of each decided event the copies
        that count (every kept one, the survivor alone where it waits for review or where only the payload tells its
        copies apart), of every other event its one row. Of an event that a reviewer keeps whole, and of which more counts
        than was decided on, all that counts: raw has lost the rest.
    -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set decisions = exactly_once.model_relation('incident_decisions') -%}
    {%- set counted = exactly_once.model_relation('stg_events_counted') -%}
    {%- set more_than_decided -%}
        select weighed.event_fingerprint
        from (
            select event_fingerprint, 1 as weight
            from {{ counted }}
            where
                {{ is_in_reach }}
                and event_fingerprint in (
                    {{ exactly_once._events_kept_whole(exactly_once.model_relation('decision_overrides')) }}
                )
            union all
            select event_fingerprint, -1 as weight
            from {{ decisions }}
        ) as weighed
        group by weighed.event_fingerprint
        having sum(weighed.weight) > 0
    {%- endset -%}
    {%- set counts -%}
        (
            (decision = 'keep' and reason <> 'distinct_payload') or (
                (decision = 'review' or reason = 'distinct_payload')
                and row_hash = survivor_row_hash and copy_number = 1
            )
        )
    {%- endset -%}
    {%- set decided -%}
        select
            {{ exactly_once.key_value(columns, columns.payment_id) }} as payment_id,
            {{ exactly_once.key_value(columns, columns.event_type) }} as event_type,
            {{ exactly_once.key_value(columns, columns.currency) }} as currency,
            {{ columns.amount.sql }} as amount_cents
        from {{ decisions }}
        where
            {{ counts }} and {{ exactly_once.key_is_complete(columns) }}
            and event_fingerprint not in ({{ more_than_decided }})
        union all
        select payment_id, event_type, currency, amount_cents
        from (
            {{ exactly_once.payment_events(
                counted,
                is_in_reach ~ ' and event_fingerprint not in (select event_fingerprint from ' ~ decisions
                ~ ' where event_fingerprint not in (' ~ more_than_decided ~ '))'
            ) }}
        ) as events_without_decision
    {%- endset -%}
    {%- set expected -%}
        select currency, sum(captured_cents) as captured_cents
        from (
            select
                payment_id,
                min(currency) as currency,
                {{ exactly_once.lifecycle_amount('captured') }} as captured_cents
            from ({{ decided }}) as decided
            where payment_id in (select payment_id from ({{ computed_again }}) as keys)
            group by payment_id
        ) as payments
        group by currency order by currency
    {%- endset -%}
    {%- set found -%}
        select currency, sum(captured_cents) as captured_cents
        from {{ table.candidate }}
        where payment_id in (select payment_id from ({{ computed_again }}) as keys)
        group by currency order by currency
    {%- endset -%}
    {%- set expected_rows, found_rows = [], [] -%}
    {%- for row in run_query(expected).rows -%}{%- do expected_rows.append(row[0] ~ ' ' ~ row[1]) -%}{%- endfor -%}
    {%- for row in run_query(found).rows -%}{%- do found_rows.append(row[0] ~ ' ' ~ row[1]) -%}{%- endfor -%}
    {{- return({
        'name': 'payments, captured cents by currency are those of the decisions',
        'found': found_rows | join(', ') ~ ('' if found_rows == expected_rows else ' instead of ' ~ expected_rows | join(', ')),
        'passed': found_rows == expected_rows
    }) -}}
{% endmacro %}


{% macro _temporary_table(name) %}
    {#- Outside the curated schemas, which are about to be swapped. -#}
    {{- return(adapter.dispatch('_temporary_table', 'exactly_once')(name)) -}}
{% endmacro %}


{% macro default___temporary_table(name) %}
    {{- return(api.Relation.create(identifier=name)) -}}
{% endmacro %}


{% macro snowflake___temporary_table(name) %}
    {%- set staging = exactly_once.model_relation('stg_events') -%}
    {{- return(staging.incorporate(path={'identifier': name})) -}}
{% endmacro %}


{% macro _views_are_kept(tables, place) %}
    {#- The views of a schema move with it: one that only live has would be gone for its readers. -#}
    {%- set since = 'the clone' if place == 'candidate' else 'the swap' -%}
    {%- set live = exactly_once._views_beside(tables[0].live) | map(attribute='identifier') | list -%}
    {%- set other = exactly_once._views_beside(tables[0][place]) | map(attribute='identifier') | list -%}
    {%- set differences = [] -%}
    {%- for view in live if view not in other -%}{%- do differences.append('made since ' ~ since ~ ': ' ~ view) -%}{%- endfor -%}
    {%- for view in other if view not in live -%}{%- do differences.append('dropped since ' ~ since ~ ': ' ~ view) -%}{%- endfor -%}
    {{- return({
        'name': 'views of the schema are those of live',
        'found': differences | join(', ') or live | length ~ ' views',
        'passed': not differences
    }) -}}
{% endmacro %}


{% macro _check_views_are_kept(tables, place) %}
    {%- set check = exactly_once._views_are_kept(tables, place) -%}
    {%- if not check.passed -%}
        {%- set other = tables[0][place].schema -%}
        {%- do exactly_once._refuse(
            'schema ' ~ tables[0].live.schema, 'views ' ~ check.found, 'the views that ' ~ other ~ ' has',
            'Run this again: the checks say what to do.' if place == 'candidate'
            else 'Make and drop the same in ' ~ other ~ ', reading its tables, and run this again.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _grants_are_kept(tables) %}
    {#-
        A grant that was revoked since the clone would come back with the swap. A future grant that is missing takes nothing
        from a reader of the tables that are swapped, and it may be an administrator's alone to give: the swap says so.
    -#}
    {%- set differences, later = [], [] -%}
    {%- for there, here, what in [('live', 'candidate', 'missing'), ('candidate', 'live', 'revoked on live')] -%}
        {%- for grant in exactly_once._missing_grants(tables, there, here) -%}
            {%- set is_later = there == 'live' and exactly_once._is_future(grant.grant) -%}
            {%- do (later if is_later else differences).append(
                what ~ ': ' ~ grant.grant.statement ~ ' (' ~ grant.object ~ ')'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return({
        'name': 'readers keep their grants on the schema, its tables and its views',
        'found': (differences or ['those of live']) | join(', ')
            ~ ('; for tables still to come ' ~ later | join(', ') if later else ''),
        'passed': not differences
    }) -}}
{% endmacro %}


{% macro _cloned_watermark(table) %}
    {%- set mark = exactly_once.candidate_marker(table.candidate).cloned_watermark -%}
    {{- return(exactly_once._parsed_time('the clone marker', mark) if mark else none) -}}
{% endmacro %}


{% macro _events_not_deduplicated(table) %}
    {%- set events = exactly_once.model_relation('stg_events') -%}
    {%- set is_new = exactly_once.arrived_since(exactly_once._cloned_watermark(table)) -%}
    {{- return(run_query(
        'select count(*) from ' ~ events ~ ' where ' ~ is_new
        ~ ' and event_fingerprint not in (select event_fingerprint from '
        ~ exactly_once.model_relation('stg_events_deduplicated')
        ~ ' where ' ~ exactly_once.same_event_times(events, is_new) ~ ')'
    ).rows[0][0]) -}}
{% endmacro %}


{% macro _keys_computed_again(table, keys) %}
    {{ exactly_once._arrived_keys(
        keys, exactly_once.model_relation('stg_events'), exactly_once._cloned_watermark(table)
    ) }}
    union
    {{ exactly_once._repaired_keys(
        keys,
        exactly_once.model_relation('stg_events'),
        exactly_once.model_relation('incident_duplicate_groups'),
        exactly_once.model_relation('incident_decisions')
    ) }}
{% endmacro %}


{% macro _compared_repaired_rows(table, keys, computed_again, is_in_reach) %}
    {#-
        A query for [number of repaired rows, of those keys whose row is not what the events make it]: each column of the
        candidate's rows against a row computed here.
    -#}
    {%- set names = [] -%}
    {%- for column in adapter.get_columns_in_relation(table.live) -%}{%- do names.append(adapter.quote(column.name)) -%}{%- endfor -%}
    {%- set names = names | join(', ') -%}
    {%- set keys = keys.keys() | join(', ') -%}
    select
        coalesce(sum(in_candidate), 0) as repaired_rows,
        count(case when is_different = 1 then 1 end) as different_keys
    from (
        select
            {{ keys }},
            sum(in_candidate) as in_candidate,
            max(case when in_candidate = by_events then 0 else 1 end) as is_different
        from (
            select
                {{ names }},
                sum(is_candidate) as in_candidate,
                sum(1 - is_candidate) as by_events
            from (
                select {{ names }}, 1 as is_candidate
                from {{ table.candidate }}
                where {{ exactly_once._is_among(keys, computed_again) }}
                union all
                select {{ names }}, 0 as is_candidate
                from ({{ exactly_once._rows_by_events(table, computed_again, is_in_reach) }}) as by_events
                where {{ exactly_once._is_among(keys, computed_again) }}
            ) as both_sides
            group by {{ names }}
        ) as compared
        group by {{ keys }}
    ) as by_key
{% endmacro %}


{% macro _is_among(keys, computed_again) %}
    {{- return('(' ~ keys ~ ') in (select ' ~ keys ~ ' from (' ~ computed_again ~ ') as computed_again)') -}}
{% endmacro %}


{% macro _rows_by_events(table, computed_again, is_in_reach) %}
    {#- The rows that a curated table of this package has to have, from the events that count. -#}
    {%- set events -%}
        (
            {{ exactly_once.payment_events(exactly_once.model_relation('stg_events_counted'), is_in_reach) }}
        ) as events
    {%- endset -%}
    {%- if table.name == 'payments' -%}{{- return(exactly_once.payment_rows(events)) -}}{%- endif -%}
    {%- set events_by_hour -%}
        (
            select merchant_id, date_trunc('hour', event_at) as event_hour, event_type, amount_cents, payment_id
            from {{ events }}
            where event_at is not null
        ) as events_by_hour
    {%- endset -%}
    {{- return(exactly_once.hourly_features(events_by_hour)) -}}
{% endmacro %}
