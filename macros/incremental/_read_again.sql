{% macro _runs_that_read_again(row) %}
    {#- Of a row in incremental_watermarks: the runs that read behind the mark, as <from>@<invocation>. -#}
    {{- return((row.get('read_again') or '').split()) -}}
{% endmacro %}


{% macro _start_of_run(run) %}
    {{- return(modules.datetime.datetime.fromisoformat(run.split('@')[0])) -}}
{% endmacro %}


{% macro _runs_lacking(row, other) %}
    {#- What a table, by its row in incremental_watermarks, read again and another did not, by the names of the runs. -#}
    {%- set known = [] -%}
    {%- for run in exactly_once._runs_that_read_again(other) -%}{%- do known.append(run.split('@')[1]) -%}{%- endfor -%}
    {%- set lacking = [] -%}
    {%- for run in exactly_once._runs_that_read_again(row) if run.split('@')[1] not in known -%}
        {%- do lacking.append(run) -%}
    {%- endfor -%}
    {{- return(lacking) -}}
{% endmacro %}


{% macro _earliest_start(runs) %}
    {#- From where all of these runs are read again, or none without any. -#}
    {%- set starts = [] -%}
    {%- for run in runs -%}{%- do starts.append(exactly_once._start_of_run(run)) -%}{%- endfor -%}
    {{- return(starts | min if starts else none) -}}
{% endmacro %}


{% macro _runs_kept(runs) %}
    {#- The last fifty: of those before them one remains, from where the earliest of them read. -#}
    {%- if runs | length <= 50 -%}{{- return(runs) -}}{%- endif -%}
    {%- set first = runs[:-49] -%}
    {{- return([exactly_once._earliest_start(first).isoformat() ~ '@' ~ first[-1].split('@')[1]] + runs[-49:]) -}}
{% endmacro %}


{% macro _runs_lacking_of_live(row) %}
    {#- What live has read again and the table of this build, beside it, has not; nothing in a build of live. -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if settings.build_candidate or settings.build_replaced is not none -%}
        {%- for table in exactly_once.curated_relations(settings.build_replaced or '') if table.name == model.name -%}
            {{- return(exactly_once._runs_lacking(exactly_once._recorded_row(table.live), row)) -}}
        {%- endfor -%}
    {%- endif -%}
    {{- return([]) -}}
{% endmacro %}


{% macro _run_reads_again(recorded) %}
    {#-
        This run, if it reads behind the mark of the table: by exactly_once__reprocess_from, or since it builds a table
        again that was there.
    -#}
    {%- set start = none -%}
    {%- if not is_incremental() and load_relation(this) is not none -%}
        {%- set start = modules.datetime.datetime.min -%}
    {%- elif recorded is not none -%}
        {%- set settings = exactly_once.settings() -%}
        {%- set reprocess_from = settings.reprocess_from -%}
        {%- if reprocess_from is not none
            and reprocess_from < exactly_once.shifted_time(recorded, -settings.late_arrival_hours) -%}
            {%- set start = reprocess_from -%}
        {%- endif -%}
    {%- endif -%}
    {{- return([start.isoformat() ~ '@' ~ invocation_id] if start is not none else []) -}}
{% endmacro %}
