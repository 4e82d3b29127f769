{% macro raw_restore(incident_id, dry_run=false) %}
    {#-
        Run-operation. Puts every copy of an incident that is in quarantine back into the source, as it was: hour of
        arrival by hour of arrival, each in one transaction. quarantined_events keeps the rows, with the time of their
        return. Run again, it does what is left, or nothing.
    -#}
    {%- do exactly_once._begin_verb('raw_restore', incident_id) -%}
    {%- do exactly_once._check_raw_table() -%}
    {%- do exactly_once._check_quarantine() -%}
    {%- do exactly_once._ledger() -%}
    {%- do exactly_once._check_quarantined(incident_id) -%}
    {%- set source_table = exactly_once.source_columns().relation -%}
    {%- set slices = exactly_once._slices_of(exactly_once._in_quarantine(incident_id)) -%}
    {%- if not slices -%}
        {%- do log('Incident ' ~ incident_id ~ ' has no copies in quarantine; nothing to do.', info=true) -%}
        {%- if not dry_run -%}{%- do exactly_once._end_unfinished('raw_restore', incident_id, 0) -%}{%- endif -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set copies = exactly_once._with_commas(exactly_once._copies_in(slices)) -%}
    {%- do log(
        ('Would put ' if dry_run else 'Putting ') ~ copies ~ ' copies of incident ' ~ incident_id ~ ' back into '
        ~ source_table ~ ', in ' ~ slices | length ~ ' slices', info=true
    ) -%}
    {%- if dry_run -%}
        {%- for slice in slices -%}{%- do exactly_once._log_slice(slices, loop.index0) -%}{%- endfor -%}
        {%- do log('Dry run: every check passed, and nothing was written.', info=true) -%}
        {{- return(none) -}}
    {%- endif -%}

    {%- set names = exactly_once._inserted_columns() -%}
    {%- set hours = exactly_once._hours_touched(incident_id, slices) -%}
    {%- set before_quarantine = exactly_once._source_before_quarantine(incident_id) -%}
    {%- set begun = exactly_once._begin_raw_step('raw_restore', incident_id, {}, hours) -%}
    {%- set slices = exactly_once._slices_left(exactly_once._in_quarantine(incident_id), hours) -%}
    {%- for slice in slices -%}
        {%- do exactly_once._log_slice(slices, loop.index0) -%}
        {%- do exactly_once._restore_slice(incident_id, slice, names, begun.entry_number) -%}
    {%- endfor -%}
    {%- set after = exactly_once._source_state(hours) -%}
    {%- do exactly_once._end_raw_step('raw_restore', incident_id, {
        'copies': exactly_once._copies_in(slices),
        'slices': slices | length,
        'in_quarantine': exactly_once._count_in_quarantine(incident_id)
    }, begun.source, after, begun.entry_number) -%}
    {%- do log(
        '  ' ~ exactly_once._with_commas(exactly_once._copies_in(slices)) ~ ' copies are back in ' ~ source_table, info=true
    ) -%}
    {%- do exactly_once._log_comparison(before_quarantine, after) -%}
    {%- do exactly_once._say_next(exactly_once._detection_command(incident_id)) -%}
{% endmacro %}


{% macro _check_quarantined(incident_id) %}
    {%- set known = run_query(
        'select distinct incident_id from ' ~ exactly_once.model_relation('quarantined_events') ~ ' order by 1'
    ).columns[0].values() | list -%}
    {%- if incident_id not in known -%}
        {%- do exactly_once._refuse(
            'incident_id', incident_id ~ ', of which no copy was ever in quarantine',
            'an incident in quarantined_events: ' ~ (known | join(', ') or 'none'),
            'There is nothing to restore: raw_quarantine took nothing out for it.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _restore_slice(incident_id, slice, names, entry_number) %}
    {#-
        In one transaction; undone and tried again where a copy came into quarantine between the statements, or a row
        like it into the source. Undone for good where the rows are not what went, or not what comes back.
    -#}
    {%- set source_table = exactly_once.source_columns().relation -%}
    {%- set quarantine = exactly_once.model_relation('quarantined_events') -%}
    {%- set going_back = 'incident_id = ' ~ exactly_once.text_literal(incident_id) ~ ' and restored_at is null and '
        ~ exactly_once._in_slices([slice.hour]) -%}
    {%- set held = exactly_once._held(going_back) -%}
    {%- set count_like = 'select count(*) from ' ~ source_table ~ ' where ' ~ exactly_once._like_quarantined(slice, going_back) -%}
    {%- set seen = namespace() -%}
    {%- for attempt in range(5) -%}
        {%- set stamp = exactly_once._utc_stamp() -%}
        {%- do exactly_once._begin_slice() -%}
        {%- set changed = run_query(held).rows[0][1] | int -%}
        {%- if changed -%}{%- do exactly_once._undo_changed(slice, changed, 'the quarantine') -%}{%- endif -%}
        {%- set before = run_query(count_like).rows[0][0] | int -%}
        {%- set inserted = exactly_once._rows_written(
            'insert into ' ~ source_table ~ ' (' ~ names ~ ') select ' ~ names ~ ' from ' ~ quarantine
            ~ ' where ' ~ going_back
        ) -%}
        {%- set back = (run_query(count_like).rows[0][0] | int) - before -%}
        {%- if back < inserted -%}{%- do exactly_once._undo_changed(slice, inserted - back, source_table) -%}{%- endif -%}
        {%- set marked = exactly_once._rows_written(
            'update ' ~ quarantine ~ ' set restored_at = ' ~ stamp ~ ' where ' ~ going_back
        ) -%}
        {%- if inserted == marked and inserted == back and inserted == slice.copies -%}
            {%- do exactly_once._commit_slice(incident_id, entry_number) -%}
            {{- return(none) -}}
        {%- endif -%}
        {%- set seen.found = inserted ~ ' rows put back, ' ~ marked ~ ' marked' -%}
        {%- do exactly_once._undo_slice(incident_id, entry_number, seen.found) -%}
    {%- endfor -%}
    {%- do exactly_once._refuse(
        'slice ' ~ exactly_once._slice_name(slice.hour), seen.found, slice.copies ~ ' copies in quarantine, as at the beginning',
        'The slices before it are done and this one is undone. Somebody else moves the same copies. '
        ~ 'Let no other raw verb run, and run the command again.'
    ) -%}
{% endmacro %}


{% macro _source_before_quarantine(incident_id) %}
    {#- What the ledger says of the source before the first raw_quarantine that was not restored since, or none. -#}
    {%- set of_incident = 'incident_id = ' ~ exactly_once.text_literal(incident_id) -%}
    {%- set found = run_query(
        'select digests from ' ~ exactly_once._ledger() ~ " where step = 'raw_quarantine' and phase = 'begun' and "
        ~ of_incident ~ ' and entry_number > (select coalesce(max(entry_number), 0) from ' ~ exactly_once._ledger()
        ~ " where step = 'raw_restore' and phase = 'ended' and " ~ of_incident ~ ') order by entry_number limit 1'
    ).rows -%}
    {{- return(fromjson(found[0][0], {}).source if found else none) -}}
{% endmacro %}


{% macro _log_comparison(before_quarantine, now) %}
    {%- if before_quarantine is none or before_quarantine.slices != now.slices -%}
        {%- set found = 'not compared with before the quarantine: the copies went in several runs, from other slices' -%}
    {%- elif before_quarantine.digest == now.digest -%}
        {%- set found = 'equal to before the quarantine, by digest: ' ~ now.digest -%}
    {%- else -%}
        {%- set found = 'other than before the quarantine: ' ~ exactly_once._with_commas(before_quarantine.rows)
            ~ ' rows then, ' ~ exactly_once._with_commas(now.rows) ~ ' now' -%}
    {%- endif -%}
    {%- do log('  the slices are ' ~ found, info=true) -%}
{% endmacro %}
