{% macro _remediation_estimate(incident_id) %}
    {#-
        What remediation_plan says, as a mapping: {incident_id, state, scope, copies, repaired_events, event_types, merchants,
        other_merchants, tables, raw, steps, total, day, share}. Reads only. Each number is defined in docs/rules.md,
        "What a remediation costs".
    -#}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- set plan = {
        'incident_id': incident_id,
        'state': exactly_once._remediation_state(tables, incident_id),
        'scope': exactly_once._planned_scope(),
        'tables': [],
        'steps': []
    } -%}
    {%- do plan.update(exactly_once._planned_copies()) -%}
    {%- set reached = exactly_once._reached_by(tables) -%}
    {%- set width = exactly_once._source_widths(reached) -%}
    {%- set day = exactly_once._regular_day(reached) -%}

    {%- set clone = {'name': 'clone', 'rows_read': 0, 'rows_written': 0, 'bytes_read': 0, 'bytes_written': 0} -%}
    {%- set checks = {'name': 'checks and swap', 'rows_read': 0, 'rows_written': 0, 'bytes_read': 0, 'bytes_written': 0} -%}
    {%- set candidates = [] -%}
    {%- for table in tables -%}
        {%- if not exactly_once._is_there(table.live) -%}
            {%- do exactly_once._refuse(
                'live table ' ~ table.live, 'none', 'a table to repair', 'Run: dbt build --selector fifteen_minute'
            ) -%}
        {%- endif -%}
        {%- set row_count = run_query('select count(*) from ' ~ table.live).rows[0][0] | int -%}
        {%- set widths = exactly_once._curated_widths(table) -%}
        {%- set copied = adapter.dispatch('_rows_copied_by_clone', 'exactly_once')(row_count) -%}
        {%- for part in ('read', 'written') -%}
            {%- do clone.update({
                'rows_' ~ part: clone['rows_' ~ part] + copied,
                'bytes_' ~ part: clone['bytes_' ~ part] + copied * widths.whole
            }) -%}
        {%- endfor -%}

        {%- set work = exactly_once._candidate_work(table, incident_id, row_count, reached) -%}
        {%- do plan.tables.append({'name': table.name, 'key_count': work.repair.key_count, 'rows': row_count}) -%}
        {#- a merge searches the whole table for its keys -#}
        {%- set key_bytes = row_count * widths.key -%}
        {%- do candidates.append({
            'name': 'candidate ' ~ table.name,
            'rows_read': work.repair.rows_read + row_count,
            'rows_written': work.repair.key_count,
            'bytes_read': work.repair.rows_read * width.narrow + key_bytes,
            'bytes_written': work.repair.key_count * widths.whole
        }) -%}
        {%- do day.tables.append({
            'bytes_read': work.regular.events_read * width.narrow + key_bytes,
            'bytes_written': work.regular.key_count * widths.whole
        }) -%}
        {#- read once: live, before and after, the candidate, and its keys; for each total of repaired rows, their events -#}
        {%- set totals = {'payments': 2, 'fraud_features': 1}.get(table.name, 0) -%}
        {%- do checks.update({
            'rows_read': checks.rows_read + 4 * row_count + totals * work.repair.events_read,
            'bytes_read': checks.bytes_read + 3 * row_count * widths.whole + key_bytes
                + totals * work.repair.events_read * width.narrow
        }) -%}
    {%- endfor -%}
    {%- do plan.steps.append(clone) -%}
    {%- do plan.steps.extend(candidates) -%}
    {%- do plan.steps.append(checks) -%}

    {%- set raw = exactly_once._planned_quarantine() -%}
    {%- do plan.update({'raw': raw}) -%}
    {%- set written = raw.copies + adapter.dispatch('_rows_written_by_delete', 'exactly_once')(raw.rows - raw.copies) -%}
    {%- do plan.steps.append({
        'name': 'raw quarantine',
        'rows_read': raw.rows,
        'rows_written': written,
        'bytes_read': raw.rows * width.whole,
        'bytes_written': written * width.whole
    }) -%}

    {%- do plan.update({'day': exactly_once._day_in_bytes(day, width)}) -%}
    {%- set total = {'name': 'total'} -%}
    {%- for name in ('rows_read', 'rows_written', 'bytes_read', 'bytes_written') -%}
        {%- do total.update({name: plan.steps | sum(attribute=name)}) -%}
    {%- endfor -%}
    {%- for step in plan.steps + [total] -%}
        {%- set bytes = step.bytes_read + step.bytes_written -%}
        {%- do step.update({'bytes': bytes, 'share': bytes / plan.day.bytes if plan.day.bytes else none}) -%}
    {%- endfor -%}
    {%- do plan.update({'total': total, 'share': total.share}) -%}
    {{- return(plan) -}}
{% endmacro %}


{% macro _planned_scope() %}
    {%- set times = ['window_start', 'window_end', 'scope_start', 'scope_end'] -%}
    {%- set selected = [] -%}
    {%- for time in times -%}{%- do selected.append(exactly_once.epoch_micros(time) ~ ' as ' ~ time) -%}{%- endfor -%}
    {%- set found = run_query(
        'select window_source, ' ~ selected | join(', ') ~ ' from ' ~ exactly_once.model_relation('incident_scope')
    ).rows[0].values() -%}
    {%- set scope = {'window_source': found[0]} -%}
    {%- for time in times -%}{%- do scope.update({time: exactly_once.time_from_micros(found[loop.index])}) -%}{%- endfor -%}
    {{- return(scope) -}}
{% endmacro %}


{% macro _planned_copies() %}
    {#- What the decisions say: copies per decision, per event type and currency, and the ten merchants that lose most. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set decisions = exactly_once.model_relation('incident_decisions') -%}
    {%- set removed_amount = "coalesce(sum(case when decision = 'remove' then " ~ columns.amount.sql ~ ' end), 0)' -%}
    {%- set copies = {'keep': 0, 'remove': 0, 'review': 0} -%}
    {%- set event_types = [] -%}
    {%- for row in run_query(
        'select cast(' ~ columns.event_type.sql ~ ' as varchar) as event_type, cast(' ~ columns.currency.sql
        ~ " as varchar) as currency, count(case when decision = 'keep' then 1 end) as kept"
        ~ ", count(case when decision = 'remove' then 1 end) as removed"
        ~ ", count(case when decision = 'review' then 1 end) as reviewed, " ~ removed_amount ~ ' as removed_amount from '
        ~ decisions ~ ' group by 1, 2 order by 4 desc, 1, 2'
    ).rows -%}
        {%- set event_type, currency, kept, removed, reviewed, amount = row.values() -%}
        {%- do event_types.append({
            'event_type': event_type, 'currency': currency, 'keep': kept | int, 'remove': removed | int,
            'review': reviewed | int, 'removed_amount': amount
        }) -%}
    {%- endfor -%}
    {%- for decision in copies -%}
        {%- do copies.update({decision: event_types | sum(attribute=decision)}) -%}
    {%- endfor -%}

    {%- set merchants = [] -%}
    {%- set by_merchant = 'select ' ~ exactly_once.merchant_id(columns) ~ ' as merchant_id, cast(' ~ columns.currency.sql
        ~ ' as varchar) as currency, count(*) as removed, coalesce(sum(' ~ columns.amount.sql ~ '), 0) as removed_amount from '
        ~ decisions ~ " where decision = 'remove' group by 1, 2" -%}
    {%- for row in run_query(by_merchant ~ ' order by 4 desc, 1, 2 limit 10').rows -%}
        {%- set merchant, currency, removed, amount = row.values() -%}
        {%- do merchants.append({
            'merchant_id': merchant, 'currency': currency, 'remove': removed | int, 'removed_amount': amount
        }) -%}
    {%- endfor -%}
    {%- set all_merchants = run_query('select count(*) from (' ~ by_merchant ~ ') as by_merchant').rows[0][0] | int -%}
    {%- set repaired = run_query(
        'select count(distinct event_fingerprint) from ' ~ decisions ~ ' where ' ~ exactly_once.is_repaired()
    ).rows[0][0] | int -%}
    {{- return({
        'copies': copies, 'repaired_events': repaired, 'event_types': event_types, 'merchants': merchants,
        'other_merchants': all_merchants - merchants | length
    }) -}}
{% endmacro %}


{% macro _candidate_work(table, incident_id, row_count, reached) %}
    {#-
        What the build of a candidate reads and writes, and what a regular run does to the same table: {repair:
        {key_count, rows_read, events_read}, regular: {key_count, events_read}}. A curated model whose keys the
        package doesn't know counts whole.
    -#}
    {%- set keys = exactly_once.curated_keys(table.name) -%}
    {%- if not keys -%}
        {%- set whole = {'key_count': row_count, 'rows_read': row_count, 'events_read': row_count} -%}
        {{- return({'repair': whole, 'regular': whole}) -}}
    {%- endif -%}
    {%- set copies = exactly_once.model_relation('stg_events') -%}
    {%- set groups = exactly_once.model_relation('incident_duplicate_groups') -%}
    {%- set is_cloned = (exactly_once.candidate_marker(table.candidate) or {}).incident_id == incident_id -%}
    {%- set built = table.candidate if is_cloned else table.live -%}
    {%- set watermark = exactly_once.recorded_watermark(built) -%}

    {%- set repair_keys = exactly_once._arrived_keys(keys, copies, watermark) ~ ' union '
        ~ exactly_once._repaired_keys(keys, copies, groups, exactly_once.model_relation('incident_decisions')) -%}
    {%- set copies_read = run_query(
        'select count(*) from ' ~ copies ~ ' where has_complete_key and (' ~ exactly_once.arrived_since(watermark)
        ~ ' or ' ~ exactly_once.same_event_times(groups) ~ ')'
    ).rows[0][0] | int -%}
    {%- set repair = exactly_once._keys_and_events(
        repair_keys, exactly_once.same_event_hours(repair_keys) if 'event_hour' in keys
        else exactly_once.event_time_from(exactly_once.earliest_event_of_payments(built, repair_keys, watermark))
    ) -%}
    {%- do repair.update({'rows_read': copies_read + repair.events_read}) -%}
    {%- if reached is none -%}{{- return({'repair': repair, 'regular': {'key_count': 0, 'events_read': 0}}) -}}{%- endif -%}

    {%- set regular_keys = 'select distinct ' ~ exactly_once._selected_keys(keys) ~ ' from ' ~ copies
        ~ ' where has_complete_key and ' ~ exactly_once._arrived_within(reached, exactly_once._hours_of_a_run()) -%}
    {%- set regular = exactly_once._keys_and_events(
        regular_keys, exactly_once.same_event_hours(regular_keys) if 'event_hour' in keys
        else exactly_once.event_time_from(
            exactly_once._first_event_of(table.live, regular_keys)
            if exactly_once._copies_share_event_time(exactly_once.source_columns()) else none
        )
    ) -%}
    {{- return({'repair': repair, 'regular': regular}) -}}
{% endmacro %}


{% macro _keys_and_events(keys_sql, is_in_reach) %}
    {#- How many keys a query lists, and how many deduplicated events are read to compute them. -#}
    {%- set key_count = run_query('select count(*) from (' ~ keys_sql ~ ') as computed_again').rows[0][0] | int -%}
    {%- set events_read = run_query(
        'select count(*) from ' ~ exactly_once.model_relation('stg_events_deduplicated')
        ~ ' where has_complete_key and ' ~ is_in_reach
    ).rows[0][0] | int if key_count else 0 -%}
    {{- return({'key_count': key_count, 'events_read': events_read}) -}}
{% endmacro %}


{% macro _first_event_of(payments, keys_sql) %}
    {%- set micros = run_query(
        'select min(' ~ exactly_once.epoch_micros('first_event_at') ~ ') from ' ~ payments
        ~ ' where payment_id in (' ~ keys_sql ~ ')'
    ).rows[0][0] -%}
    {{- return(exactly_once.time_from_micros(micros) if micros is not none else none) -}}
{% endmacro %}


{% macro _planned_quarantine() %}
    {#- The copies to remove from raw: {copies, slices: hours of arrival that hold one, rows: in these hours}. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set arrival_time = columns.arrival_time -%}
    {%- set copies, hours, predicates = [], [], [] -%}
    {%- for row in run_query(
        'select ' ~ exactly_once.epoch_micros("date_trunc('hour', " ~ exactly_once.utc_timestamp(arrival_time) ~ ')')
        ~ ' as hour_micros, count(*) as copies from ' ~ exactly_once.model_relation('incident_decisions')
        ~ " where decision = 'remove' group by 1 order by 1"
    ).rows -%}
        {%- do copies.append(row[1] | int) -%}
        {%- if row[0] is none -%}
            {%- do predicates.append(arrival_time.sql ~ ' is null') -%}
        {%- else -%}
            {%- do hours.append((row[0] | int) // 3600000000) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for first_hour, last_hour in exactly_once._merged_hours(hours | sort, most_ranges=48) -%}
        {%- do predicates.append(exactly_once._between(
            arrival_time,
            exactly_once.time_from_micros(first_hour * 3600000000),
            exactly_once.time_from_micros((last_hour + 1) * 3600000000)
        )) -%}
    {%- endfor -%}
    {%- set row_count = run_query(
        'select count(*) from ' ~ columns.relation ~ ' where ' ~ predicates | join(' or ')
    ).rows[0][0] | int if predicates else 0 -%}
    {{- return({'copies': copies | sum, 'slices': copies | length, 'rows': row_count}) -}}
{% endmacro %}


{% macro _reached_by(tables) %}
    {#- How far in arrival time the curated tables reach, as their watermarks say: a datetime in UTC, or none. -#}
    {%- set marks = [] -%}
    {%- for table in tables -%}
        {%- set mark = exactly_once.recorded_watermark(table.live) -%}
        {%- if mark is not none -%}{%- do marks.append(mark) -%}{%- endif -%}
    {%- endfor -%}
    {{- return(marks | max if marks else none) -}}
{% endmacro %}


{% macro _hours_of_a_run() %}
    {#- The arrivals that a regular run reads: those of 15 minutes, and of the lookback. -#}
    {{- return(0.25 + exactly_once.settings().late_arrival_hours) -}}
{% endmacro %}


{% macro _arrived_within(reached, hours) %}
    {#- A predicate on the arrivals of so many hours up to there, with literal bounds. -#}
    {%- set arrival_time = exactly_once.source_columns().arrival_time -%}
    {{- return(
        arrival_time.sql ~ ' > ' ~ exactly_once.timestamp_literal(exactly_once.shifted_time(reached, -hours), arrival_time.type)
        ~ ' and ' ~ arrival_time.sql ~ ' <= ' ~ exactly_once.timestamp_literal(reached, arrival_time.type)
    ) -}}
{% endmacro %}


{% macro _regular_day(reached) %}
    {#- The last day of data: {reached, arrivals, new_events, tables}; nothing without a watermark. -#}
    {%- set day = {'reached': reached, 'arrivals': 0, 'new_events': 0, 'tables': []} -%}
    {%- if reached is not none -%}
        {%- for name, relation in [
            ('arrivals', exactly_once.source_columns().relation),
            ('new_events', exactly_once.model_relation('stg_events_deduplicated'))
        ] -%}
            {%- do day.update({name: run_query(
                'select count(*) from ' ~ relation ~ ' where ' ~ exactly_once._arrived_within(reached, 24)
                ~ ' and ' ~ exactly_once.has_sane_times()
            ).rows[0][0] | int}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(day) -}}
{% endmacro %}


{% macro _day_in_bytes(day, width) %}
    {#- 96 runs: the arrivals of 15 minutes and of the lookback, once for each table built; the new events once, whole. -#}
    {%- if day.reached is none -%}{{- return(dict(day, bytes_read=0, bytes_written=0, bytes=0)) -}}{%- endif -%}
    {%- set tables_built = 1 + day.tables | length -%}
    {%- set bytes_read = 96 * (
        day.arrivals / 24 * exactly_once._hours_of_a_run() * tables_built * width.narrow + day.tables | sum(attribute='bytes_read')
    ) + day.new_events * width.whole -%}
    {%- set bytes_written = day.new_events * width.whole + 96 * day.tables | sum(attribute='bytes_written') -%}
    {{- return(dict(day, bytes_read=bytes_read, bytes_written=bytes_written, bytes=bytes_read + bytes_written)) -}}
{% endmacro %}


{% macro _source_widths(reached) %}
    {#- Bytes of a row of the source: {whole, narrow: of the columns that a repair reads}. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set sampled = exactly_once._sampled_widths(
        columns.relation, [columns.all | map(attribute='sql') | list, exactly_once.narrow_columns(columns)],
        'true' if reached is none else exactly_once._arrived_within(reached, 24)
    ) -%}
    {%- set stored = adapter.dispatch('_stored_row_width', 'exactly_once')(columns.relation) -%}
    {%- set whole = sampled[0] if stored is none else stored -%}
    {{- return({'whole': whole, 'narrow': whole * sampled[1] / sampled[0] if sampled[0] else 0}) -}}
{% endmacro %}


{% macro _curated_widths(table) %}
    {#- Bytes of a row of a live table: {whole, key: of its key}. Whole as stored, where the catalogue tells. -#}
    {%- set names = [] -%}
    {%- for column in adapter.get_columns_in_relation(table.live) -%}
        {%- do names.append(adapter.quote(column.name)) -%}
    {%- endfor -%}
    {%- set sampled = exactly_once._sampled_widths(table.live, [names, table.unique_key], 'true') -%}
    {%- set stored = adapter.dispatch('_stored_row_width', 'exactly_once')(table.live) -%}
    {%- set whole = sampled[0] if stored is none else stored -%}
    {{- return({'whole': whole, 'key': whole * sampled[1] / sampled[0] if sampled[0] else 0}) -}}
{% endmacro %}


{% macro _sampled_widths(relation, column_lists, predicate) %}
    {#- The average length in bytes of each list of columns, all as text, over the first 1,000 rows that come. -#}
    {%- set averages, widths = [], [] -%}
    {%- for names in column_lists -%}
        {%- set lengths = [] -%}
        {%- for name in names -%}
            {%- do lengths.append(
                'coalesce(' ~ exactly_once._byte_length('cast(' ~ name ~ ' as varchar)') ~ ', 0)'
            ) -%}
        {%- endfor -%}
        {%- do widths.append(lengths | join(' + ') ~ ' as width_' ~ loop.index) -%}
        {%- do averages.append('coalesce(round(avg(width_' ~ loop.index ~ '), 3), 0)') -%}
    {%- endfor -%}
    {%- set found = run_query(
        'select ' ~ averages | join(', ') ~ ' from (select ' ~ widths | join(', ') ~ ' from ' ~ relation
        ~ ' where ' ~ predicate ~ ' limit 1000) as sampled'
    ).rows[0].values() -%}
    {{- return(found | map('float') | list) -}}
{% endmacro %}


{% macro default___stored_row_width(relation) %}
    {{- return(none) -}}
{% endmacro %}


{#- Exact for tables, none for views. https://docs.snowflake.com/en/sql-reference/info-schema/tables -#}
{% macro snowflake___stored_row_width(relation) %}
    {%- set found = run_query(
        'select bytes, row_count from ' ~ relation.information_schema() ~ '.tables where table_schema = '
        ~ exactly_once.text_literal(exactly_once._stored_name(relation.schema, relation.quote_policy.schema))
        ~ ' and table_name = '
        ~ exactly_once.text_literal(exactly_once._stored_name(relation.identifier, relation.quote_policy.identifier))
    ).rows -%}
    {{- return((found[0][0] | float) / (found[0][1] | float) if found and found[0][0] and found[0][1] else none) -}}
{% endmacro %}


{% macro default___rows_copied_by_clone(row_count) %}
    {{- return(row_count) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/create-clone: a clone shares the storage -#}
{% macro snowflake___rows_copied_by_clone(row_count) %}
    {{- return(0) -}}
{% endmacro %}


{% macro default___rows_written_by_delete(rows_that_stay) %}
    {{- return(0) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/user-guide/tables-clustering-micropartitions: they are never changed, but written anew -#}
{% macro snowflake___rows_written_by_delete(rows_that_stay) %}
    {{- return(rows_that_stay) -}}
{% endmacro %}
