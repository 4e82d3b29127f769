{% macro _next_piece(relation) %}
    {#-
        What the next run of stg_events_deduplicated takes in: {since, before, note, left}. `since` is for arrived_since.
        `before` is none unless exactly_once__max_hours_per_run bounds the run: then it takes in what arrived before
        that. `note` is to be recorded after it, `left` is what the source then still has: {next, latest}.
        A piece begins at the next arrival, so that a gap costs no run, and has at least ten rows, so that a few wrong
        stamps don't either. With fewer than ten rows left up to the clock, the run is a regular one.
        relation: the table as it is, or none.
    -#}
    {%- set hours = exactly_once.settings().max_hours_per_run -%}
    {%- set watermark = exactly_once.arrival_watermark(relation) if relation is not none else none -%}
    {%- set piece = {'since': watermark, 'before': none, 'note': none, 'left': none} -%}
    {%- if not execute or hours is none -%}{{- return(piece) -}}{%- endif -%}
    {%- set noted = exactly_once._noted_piece(relation) if relation is not none else none -%}
    {%- set reached = [watermark or noted.before, noted.before] | max if noted else watermark -%}
    {%- set is_catching_up = noted is not none and not noted.is_last -%}
    {%- if is_catching_up -%}{%- do piece.update({'since': reached}) -%}{%- endif -%}

    {%- set now = run_started_at.replace(tzinfo=none) -%}
    {%- set end = reached -%}
    {%- if reached is none or exactly_once.shifted_time(reached, hours) < now -%}
        {%- set arrivals = exactly_once._next_arrivals(reached or modules.datetime.datetime.min, now) -%}
        {%- if arrivals | length == 10 -%}
            {%- set end = [
                exactly_once.shifted_time(arrivals[0], hours), arrivals[9] + modules.datetime.timedelta(microseconds=1)
            ] | max -%}
            {%- set further = exactly_once._next_arrivals(end, now) if end < now else [] -%}
            {%- if further | length == 10 -%}
                {%- do piece.update({
                    'before': end,
                    'note': {'before': end, 'is_last': false},
                    'left': {'next': further[0], 'latest': exactly_once._latest_arrival(further[9], now)}
                }) -%}
            {%- elif further -%}
                {%- set end = further[-1] -%}
            {%- endif -%}
        {%- elif arrivals -%}
            {%- set end = arrivals[-1] -%}
        {%- endif -%}
    {%- endif -%}
    {%- if is_catching_up and piece.before is none -%}
        {#- not the clock: what is loaded later with stamps from before it is to be taken in in pieces too -#}
        {%- do piece.update({'note': {'before': end, 'is_last': true}}) -%}
    {%- endif -%}
    {{- return(piece) -}}
{% endmacro %}


{% macro _next_arrivals(first, last) %}
    {#- The first ten arrivals of the source between two times, as datetimes in UTC, or as many as there are. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set arrival_time = columns.arrival_time -%}
    {#- https://docs.snowflake.com/en/user-guide/querying-top-k-pruning-optimization: the order by a bare column reads a few blocks -#}
    {%- set arrivals = [] -%}
    {%- for row in exactly_once._ask(
        'select ' ~ exactly_once.epoch_micros(arrival_time.sql) ~ ' as arrival_micros from ' ~ columns.relation
        ~ ' where ' ~ exactly_once._arrived_between(arrival_time, first, last)
        ~ ' order by ' ~ arrival_time.sql ~ ' limit 10'
    ).rows -%}
        {%- do arrivals.append(exactly_once.time_from_micros(row[0])) -%}
    {%- endfor -%}
    {{- return(arrivals) -}}
{% endmacro %}


{% macro _latest_arrival(first, last) %}
    {#- The last arrival of the source between two times, the first of which is one. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set arrival_time = columns.arrival_time -%}
    {{- return(exactly_once.time_from_micros(exactly_once._ask(
        'select ' ~ exactly_once.epoch_micros(arrival_time.sql) ~ ' as arrival_micros from ' ~ columns.relation
        ~ ' where ' ~ exactly_once._arrived_between(arrival_time, first, last)
        ~ ' order by ' ~ arrival_time.sql ~ ' desc limit 1'
    ).rows[0][0])) -}}
{% endmacro %}


{% macro _arrived_between(arrival_time, first, last) %}
    {{- return(
        arrival_time.sql ~ ' >= ' ~ exactly_once.timestamp_literal(first, arrival_time.type)
        ~ ' and ' ~ arrival_time.sql ~ ' <= ' ~ exactly_once.timestamp_literal(last, arrival_time.type)
    ) -}}
{% endmacro %}


{% macro _noted_piece(relation) %}
    {#-
        What the last piece noted in the comment of the table, or none: {before, is_last}. There it goes with the table,
        and needs none of its own. If the note is lost, or somebody else's comment took its place, the watermark stands in.
    -#}
    {%- set noted = exactly_once._parsed_marker(exactly_once._comment_on(relation)) -%}
    {%- if noted is none or 'taken_in_before' not in noted -%}{{- return(none) -}}{%- endif -%}
    {{- return({
        'before': exactly_once._parsed_time('the comment of ' ~ relation, noted.taken_in_before),
        'is_last': noted.caught_up
    }) -}}
{% endmacro %}


{% macro _taken_in() %}
    {#-
        While stg_events_deduplicated catches up in pieces: a datetime in UTC, before which it has taken in everything.
        None where it is caught up, or takes in everything at once.
    -#}
    {%- if not execute or exactly_once.settings().max_hours_per_run is none -%}{{- return(none) -}}{%- endif -%}
    {%- set deduplicated = exactly_once.model_relation('stg_events_deduplicated') -%}
    {%- set noted = exactly_once._noted_piece(deduplicated) -%}
    {%- if noted is none or noted.is_last -%}{{- return(none) -}}{%- endif -%}
    {#- later than the note if a run without the bound has come since -#}
    {{- return([noted.before, exactly_once.arrival_watermark(deduplicated) or noted.before] | max) -}}
{% endmacro %}


{% macro _reached(deduplicated) %}
    {#- How far stg_events_deduplicated has taken in arrivals, piece by piece or not: a datetime in UTC, or none. -#}
    {{- return(exactly_once._taken_in() or exactly_once.arrival_watermark(deduplicated)) -}}
{% endmacro %}


{% macro _checked_since(watermark) %}
    {#- The watermark that arrived_since needs to give a test what the last run took in: while it catches up, a whole piece. -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if watermark is none or exactly_once._taken_in() is none -%}{{- return(watermark) -}}{%- endif -%}
    {{- return(exactly_once.shifted_time(watermark, [settings.late_arrival_hours - settings.max_hours_per_run, 0] | min)) -}}
{% endmacro %}


{% macro _mark_to_check_from(relation, watermark) %}
    {#-
        The mark of a curated relation, or the one that its last run read from, if later: the guard may be turned on where
        further copies arrived later than first ones, and then the mark goes back to these.
    -#}
    {%- if watermark is none -%}{{- return(none) -}}{%- endif -%}
    {%- set read_from = exactly_once._recorded_vars(exactly_once._recorded_row(relation)).get('read_from_mark') -%}
    {%- if read_from is none -%}{{- return(watermark) -}}{%- endif -%}
    {{- return([watermark, modules.datetime.datetime.fromisoformat(read_from)] | max) -}}
{% endmacro %}


{% macro _piece_of_this_run(relation) %}
    {#- For the model: found while it is compiled, and kept for _record_piece. -#}
    {%- set piece = exactly_once._next_piece(relation) -%}
    {#- dbt limits what the model reads then, and not what is asked of the source here -#}
    {%- if flags.EMPTY -%}{%- do piece.update({'note': none}) -%}{%- endif -%}
    {%- if execute and graph.nodes is defined -%}{%- do graph.nodes[model.unique_id].update({'piece': piece}) -%}{%- endif -%}
    {{- return(piece) -}}
{% endmacro %}


{% macro _record_piece() %}
    {#-
        A post-hook: says what was taken in, and notes it, and the vars that the table is built with. A note that lags is
        safe: the piece is taken in once more.
    -#}
    {%- if execute -%}
        {%- set noted = exactly_once._parsed_marker(exactly_once._comment_on(this)) or {} -%}
        {%- set built_with = dict(exactly_once._built_with_of_events(), key=exactly_once._forms_of_key()) -%}
        {%- set note = dict(noted, app='exactly_once', built_with=built_with) -%}
        {%- set piece = graph.nodes[model.unique_id].get('piece') -%}
        {%- if piece and piece.note -%}
            {%- do exactly_once._say_piece(piece) -%}
            {%- do note.update({'taken_in_before': piece.note.before.isoformat(), 'caught_up': piece.note.is_last}) -%}
        {%- endif -%}
        {%- if note != noted -%}
        comment on table {{ this }} is {{ exactly_once.text_literal(tojson(note)) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _say_piece(piece) %}
    {%- set hours = exactly_once.settings().max_hours_per_run -%}
    {%- if piece.before is none -%}
        {%- do log('[exactly_once] caught up: everything that has arrived is taken in, and the next run is a regular one', info=true) -%}
    {%- else -%}
        {%- set micros = modules.datetime.timedelta(microseconds=1) -%}
        {%- set span = (piece.left.latest - piece.left.next) // micros -%}
        {%- set runs = span // ([hours * 3600000000, 1] | max | int) + 1 -%}
        {%- do log(
            '[exactly_once] took in what arrived before ' ~ exactly_once._to_the_second(piece.before)
            ~ ' UTC; the source goes on at ' ~ exactly_once._to_the_second(piece.left.next) ~ ' and has arrivals up to '
            ~ exactly_once._to_the_second(piece.left.latest) ~ ': at most ' ~ exactly_once._with_commas(runs)
            ~ ' more run' ~ ('' if runs == 1 else 's') ~ ' of ' ~ hours ~ ' hours of arrivals. The same command goes on', info=true
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _to_the_second(time) %}
    {{- return(time.isoformat(sep=' ', timespec='seconds')) -}}
{% endmacro %}


{% macro _refuse_refresh_in_pieces(relation) %}
    {#- Readers would be left with the first piece of their history, and the same command would start over each time. -#}
    {%- set hours = exactly_once.settings().max_hours_per_run -%}
    {%- if execute and flags.FULL_REFRESH and flags.WHICH in ('run', 'build') and hours is not none
        and exactly_once._is_there(relation) -%}
        {%- do exactly_once._refuse(
            'var exactly_once__max_hours_per_run', hours ~ ' with --full-refresh, and ' ~ relation ~ ' is there',
            'null with --full-refresh, which then reads the whole source at once',
            "Add --vars '{exactly_once__max_hours_per_run: null}'; or build piece by piece in another target schema, without "
            ~ '--full-refresh, while readers keep this one.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_while_catching_up(what) %}
    {#- A repair of tables that lack a part of the arrivals would miss what comes with the next pieces. -#}
    {%- set taken_in = exactly_once._taken_in() -%}
    {%- if taken_in is not none -%}
        {%- do exactly_once._refuse(
            what, 'stg_events_deduplicated with what arrived before ' ~ exactly_once._to_the_second(taken_in) ~ ' UTC only',
            'one that is caught up with the source',
            'Run until it says so: dbt build --selector fifteen_minute'
        ) -%}
    {%- endif -%}
{% endmacro %}
