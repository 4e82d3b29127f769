{% macro raw_quarantine(incident_id, dry_run=false) %}
    {#-
        Run-operation. Takes the copies that incident_decisions removes out of the source, in place: hour of arrival
        by hour of arrival, each in one transaction that writes the whole rows to quarantined_events and deletes
        them. Run again, it does what is left, or nothing.
    -#}
    {%- do exactly_once._begin_verb('raw_quarantine', incident_id) -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- do exactly_once._check_unfinished(tables, incident_id, 'raw_quarantine') -%}
    {%- if tables and exactly_once._remediation_state(tables, incident_id) == 'swapped' -%}
        {%- do exactly_once._check_live_is_as_checked(incident_id) -%}
    {%- endif -%}
    {%- do exactly_once._check_incident(incident_id) -%}
    {%- set approval = exactly_once._check_approved(incident_id) -%}
    {%- for check in exactly_once._decision_checks(incident_id) | rejectattr('passed') -%}
        {%- do exactly_once._refuse(
            'the decisions for incident ' ~ incident_id, check.found, check.name,
            'Run: ' ~ exactly_once._detection_command(incident_id)
        ) -%}
    {%- endfor -%}
    {%- if exactly_once._is_swap_on_record(incident_id) and exactly_once._has_other_verdicts_than_swap(incident_id) -%}
        {%- do exactly_once._refuse(
            'the decisions for incident ' ~ incident_id, 'verdicts to keep copies that came or went since the swap',
            'the verdicts by which live was repaired', 'Repair live by them first, under an incident_id of its own: '
            ~ exactly_once._repair_again_command(incident_id)
        ) -%}
    {%- endif -%}
    {%- do exactly_once._check_raw_table() -%}
    {%- do exactly_once._check_quarantine() -%}
    {%- do exactly_once._ledger() -%}
    {%- set source_table = exactly_once.source_columns().relation -%}
    {%- set slices = exactly_once._slices_of(exactly_once._copies_to_remove(incident_id)) -%}
    {%- set quarantined = exactly_once._slices_of(exactly_once._in_quarantine(incident_id)) -%}
    {%- if quarantined -%}
        {%- do log(
            exactly_once._with_commas(exactly_once._copies_in(quarantined)) ~ ' copies of incident ' ~ incident_id
            ~ ' are in quarantine already', info=true
        ) -%}
    {%- endif -%}
    {%- if not slices -%}
        {%- do log('Incident ' ~ incident_id ~ ' has no copies to remove in ' ~ source_table ~ '; nothing to do.', info=true) -%}
        {%- if not dry_run -%}{%- do exactly_once._end_unfinished('raw_quarantine', incident_id, exactly_once._copies_in(quarantined)) -%}{%- endif -%}
        {%- set late = exactly_once._late_copies(incident_id) -%}
        {%- if late -%}
            {%- do log(
                '  ' ~ exactly_once._with_commas(late) ~ ' copies have come since the detection, which decides on them:', info=true
            ) -%}
            {%- do exactly_once._say_next(exactly_once._detection_command(incident_id)) -%}
        {%- endif -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- do exactly_once._check_survivors(incident_id) -%}
    {%- do exactly_once._warn_if_curated_count_copies(incident_id) -%}
    {%- set copies = exactly_once._with_commas(exactly_once._copies_in(slices)) -%}
    {%- do log(
        ('Would move ' if dry_run else 'Moving ') ~ copies ~ ' copies of incident ' ~ incident_id ~ ' from '
        ~ source_table ~ ' to quarantine, in ' ~ slices | length ~ ' slices', info=true
    ) -%}
    {%- if dry_run -%}
        {%- for slice in slices -%}{%- do exactly_once._log_slice(slices, loop.index0) -%}{%- endfor -%}
        {%- do log('Dry run: every check passed, and nothing was written.', info=true) -%}
        {{- return(none) -}}
    {%- endif -%}

    {#- what could not be written back may not go; an engine refuses it here too, where no row is -#}
    {%- set names = exactly_once._inserted_columns() -%}
    {%- do run_query(
        'insert into ' ~ source_table ~ ' (' ~ names ~ ') select ' ~ names ~ ' from ' ~ source_table ~ ' where false'
    ) -%}
    {%- set hours = exactly_once._hours_touched(incident_id, slices) -%}
    {%- set begun = exactly_once._begin_raw_step('raw_quarantine', incident_id, approval, hours) -%}
    {%- set slices = exactly_once._slices_left(exactly_once._copies_to_remove(incident_id), hours) -%}
    {%- for slice in slices -%}
        {%- do exactly_once._log_slice(slices, loop.index0) -%}
        {%- do exactly_once._quarantine_slice(incident_id, slice, names, begun.entry_number) -%}
    {%- endfor -%}
    {%- set in_quarantine = exactly_once._count_in_quarantine(incident_id) -%}
    {%- do exactly_once._end_raw_step('raw_quarantine', incident_id, {
        'copies': exactly_once._copies_in(slices), 'slices': slices | length, 'in_quarantine': in_quarantine
    }, begun.source, exactly_once._source_state(hours), begun.entry_number) -%}
    {%- do log(
        '  ' ~ exactly_once._with_commas(in_quarantine) ~ ' copies are in quarantine, and their survivors in ' ~ source_table,
        info=true
    ) -%}
    {%- do log('  copies that arrive late are found by the next detection', info=true) -%}
    {%- do log('  to put them back: ' ~ exactly_once._verb_command('raw_restore', incident_id), info=true) -%}
    {%- do exactly_once._say_next(exactly_once._detection_command(incident_id)) -%}
{% endmacro %}


{% macro _warn_if_curated_count_copies(incident_id) %}
    {%- set overstated = exactly_once._found_in_curated(incident_id).overstated
        if not exactly_once._is_swap_on_record(incident_id) else [] -%}
    {%- if overstated -%}
        {%- do exceptions.warn(
            '[exactly_once] ' ~ overstated | join(', ') ~ ' counted copies of incident ' ~ incident_id
            ~ ' at its detection, and no swap is on record. raw_quarantine does not repair them, and it goes last: '
            ~ exactly_once._verb_command('remediation_status', incident_id)
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _found_in_curated(incident_id) %}
    {#-
        By the report that detection made, the curated tables that counted copies, {overstated, different: with those that
        counted too little}; both are empty with the guard on all along. `different` is none where there is no report.
    -#}
    {%- set impact = exactly_once.model_relation('incident_impact_on_curated')
        if exactly_once._nodes_of('incident_impact_on_curated') else none -%}
    {%- if not impact or not exactly_once._is_there(impact) -%}{{- return({'overstated': [], 'different': none}) -}}{%- endif -%}
    {%- set reported, overstated, different = [], [], [] -%}
    {%- for name, most, least in run_query(
        'select curated_table, max(gmv_cents_overstated) as most, min(gmv_cents_overstated) as least from ' ~ impact
        ~ ' where incident_id = ' ~ exactly_once.text_literal(incident_id) ~ ' group by curated_table order by curated_table'
    ).rows -%}
        {%- do reported.append(name) -%}
        {%- if most > 0 -%}{%- do overstated.append(name) -%}{%- endif -%}
        {%- if most != 0 or least != 0 -%}{%- do different.append(name) -%}{%- endif -%}
    {%- endfor -%}
    {{- return({'overstated': overstated, 'different': different if reported else none}) -}}
{% endmacro %}


{% macro _copies_to_remove(incident_id) %}
    {#- A query for the decisions to remove that no copy in quarantine stands for. -#}
    {{- return(
        'select decisions.* from ' ~ exactly_once.model_relation('incident_decisions') ~ ' as decisions left join ('
        ~ exactly_once._in_quarantine(incident_id) ~ ') as quarantined on decisions.row_hash = quarantined.row_hash'
        ~ ' and decisions.copy_number = quarantined.copy_number where decisions.incident_id = '
        ~ exactly_once.text_literal(incident_id)
        ~ " and decisions.decision = 'remove' and quarantined.row_hash is null"
    ) -}}
{% endmacro %}


{% macro _check_survivors(incident_id) %}
    {#- Before anything goes: what is to be removed is in the source, and beside it what survives. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set to_remove = exactly_once._copies_to_remove(incident_id) -%}
    {%- set hours = [] -%}
    {%- for slice in exactly_once._slices_of(
        'select * from ' ~ exactly_once.model_relation('incident_decisions') ~ ' as decisions where event_fingerprint in ('
        ~ 'select event_fingerprint from (' ~ to_remove ~ ') as to_remove)'
    ) -%}
        {%- do hours.append(slice.hour) -%}
    {%- endfor -%}
    {%- set found = run_query(
        exactly_once._present_and_needed(columns, to_remove, exactly_once._in_slices(hours))
    ).rows[0] -%}
    {%- if found[0] | int > 0 or found[1] | int > 0 -%}
        {%- do exactly_once._refuse(
            'the source ' ~ columns.relation,
            exactly_once._with_commas(found[0] | int) ~ ' copies to remove that are not there, and '
            ~ exactly_once._with_commas(found[1] | int) ~ ' events whose survivor is not there',
            'every copy that was decided on, and its survivor',
            'Nothing was removed. To decide on what is there now, run: ' ~ exactly_once._detection_command(incident_id)
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _present_and_needed(columns, to_remove, is_in_reach) %}
    with to_remove as (
        {{ to_remove }}
    ),

    needed as (
        select
            row_hash,
            sum(going) as going,
            max(staying) as staying
        from (
            select row_hash, 1 as going, 0 as staying from to_remove
            union all
            select survivor_row_hash as row_hash, 0 as going, 1 as staying from to_remove
        ) as parts
        group by row_hash
    ),

    present as (
        select
            row_hash,
            count(*) as copies
        from (
            select {{ exactly_once.row_hash(columns.all) }} as row_hash
            from {{ columns.relation }}
            where {{ is_in_reach }}
        ) as events
        where row_hash in (select needed.row_hash from needed)
        group by row_hash
    )

    select
        coalesce(sum(greatest(needed.going - coalesce(present.copies, 0), 0)), 0) as missing_copies,
        count(
            case when needed.staying = 1 and coalesce(present.copies, 0) < needed.going + 1 then 1 end
        ) as missing_survivors
    from needed
    left join present on needed.row_hash = present.row_hash
{% endmacro %}


{% macro _quarantine_slice(incident_id, slice, names, entry_number) %}
    {#-
        In one transaction. Identical rows can't be told apart, so all rows of a row hash go, and those that stay are
        written back. On Snowflake each statement sees what others committed before it: where the delete took more or
        less than was put away, a row came or went in between, and all is undone and tried again.
    -#}
    {%- set seen = namespace() -%}
    {%- for attempt in range(5) -%}
        {%- set stamp = exactly_once._utc_stamp() -%}
        {%- set is_put_away = 'incident_id = ' ~ exactly_once.text_literal(incident_id) ~ ' and quarantined_at = ' ~ stamp -%}
        {%- set put_away = exactly_once._put_away(incident_id, slice, stamp) -%}
        {%- set delete_put_away = exactly_once._delete_put_away(slice, is_put_away) -%}
        {%- set write_back = exactly_once._write_back(is_put_away, names) -%}
        {%- set held = exactly_once._held(is_put_away) -%}
        {%- do exactly_once._begin_slice() -%}
        {%- set found = exactly_once._rows_written(put_away) -%}
        {%- set going, changed = run_query(held).rows[0].values() | map('int') -%}
        {%- if changed -%}{%- do exactly_once._undo_changed(slice, changed, 'the quarantine') -%}{%- endif -%}
        {%- set deleted = exactly_once._rows_written(delete_put_away) -%}
        {%- if deleted == found and going == slice.copies -%}
            {%- if found > going -%}
                {%- for statement_sql in write_back -%}{%- do run_query(statement_sql) -%}{%- endfor -%}
            {%- endif -%}
            {%- do exactly_once._commit_slice(incident_id, entry_number) -%}
            {{- return(none) -}}
        {%- endif -%}
        {%- set seen.found = going ~ ' copies to remove, ' ~ found ~ ' rows like them, ' ~ deleted ~ ' deleted' -%}
        {%- do exactly_once._undo_slice(incident_id, entry_number, seen.found) -%}
    {%- endfor -%}
    {%- do exactly_once._refuse(
        'slice ' ~ exactly_once._slice_name(slice.hour), seen.found, slice.copies ~ ' copies to remove, as at the beginning',
        'The slices before it are done and this one is undone. Somebody else moves the same copies, or changes these rows. '
        ~ 'Let no other raw verb run, and run the command again.'
    ) -%}
{% endmacro %}


{% macro _put_away(incident_id, slice, stamp) %}
    {#- Every row of the hashes that lose a copy; one that stays has no copy_number until it is written back. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set names = columns.all | map(attribute='sql') | list -%}
    insert into {{ exactly_once.model_relation('quarantined_events') }} (
        incident_id, row_hash, copy_number, event_fingerprint, reason, survivor_row_hash, rule_version, slice_start,
        quarantined_at, {{ names | join(', ') }}
    )
    with to_remove as (
        select
            row_hash,
            copy_number,
            event_fingerprint,
            reason,
            survivor_row_hash,
            rule_version,
            row_number() over (partition by row_hash order by copy_number) as place,
            {{ columns.arrival_time.sql }}
        from ({{ exactly_once._copies_to_remove(incident_id) }}) as to_remove
        where {{ exactly_once._in_slices([slice.hour], 'to_remove') }}
    ),

    events as (
        select
            {{ exactly_once.row_hash(columns.all) }} as row_hash,
            {{ names | join(', ') }}
        from {{ columns.relation }}
        where
            {{ exactly_once._in_slices([slice.hour]) }}
            and {{ exactly_once._arrived_with('to_remove', slice.hour) }}
    ),

    -- equal in their hash: any of them may be the one that goes
    placed as (
        select
            events.*,
            row_number() over (partition by row_hash order by row_hash) as copy_number
        from events
        where row_hash in (select to_remove.row_hash from to_remove)
    )

    select
        {{ exactly_once.text_literal(incident_id) }},
        placed.row_hash,
        to_remove.copy_number,
        to_remove.event_fingerprint,
        to_remove.reason,
        to_remove.survivor_row_hash,
        to_remove.rule_version,
        {{ exactly_once._slice_start(slice.hour) }},
        {{ stamp }},
        placed.{{ names | join(', placed.') }}
    from placed
    left join to_remove on placed.row_hash = to_remove.row_hash and placed.copy_number = to_remove.place
{% endmacro %}


{% macro _delete_put_away(slice, is_put_away) %}
    delete from {{ exactly_once.source_columns().relation }}
    where {{ exactly_once._like_quarantined(slice, is_put_away) }}
{% endmacro %}


{% macro _write_back(is_put_away, names) %}
    {%- set staying = exactly_once.model_relation('quarantined_events') ~ ' where ' ~ is_put_away ~ ' and copy_number is null' -%}
    {{- return([
        'insert into ' ~ exactly_once.source_columns().relation ~ ' (' ~ names ~ ') select ' ~ names ~ ' from ' ~ staying,
        'delete from ' ~ staying
    ]) -}}
{% endmacro %}
