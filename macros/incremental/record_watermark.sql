{% macro record_watermark() %}
    {#-
        A post-hook for curated models: writes to incremental_watermarks how far this relation has taken in
        arrivals, as changed_keys read it before the build. A mark that lags is safe: the next run reads a
        little more. Without changed_keys there is none, and every run reads everything. The incremental strategy
        merge_and_mark writes it with the rows, so that the hook does it for the first build alone; it looks after
        each whether a swap crossed a run that read behind the mark.
    -#}
    {%- if execute -%}
        {%- do exactly_once._note_transaction(false) -%}
        {%- if not (config.get('incremental_strategy') == 'merge_and_mark' and exactly_once._is_update()) -%}
            {%- do run_query(exactly_once._watermark_merge()) -%}
        {%- endif -%}
        {%- do exactly_once._refuse_if_swapped_meanwhile() -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_if_swapped_meanwhile() %}
    {#-
        What other runs took in of tables that are live no more, the next run takes in again. Behind the mark nobody would:
        such a run may have written to the one or to the others, so that neither says that it has it.
    -#}
    {%- set node = graph.nodes[model.unique_id] -%}
    {%- if node.get('read_again_by_this_run')
        and exactly_once._recorded_row(this).get('generation') != node.get('generation_before_build') -%}
        {%- do exactly_once._refuse(
            'model ' ~ model.name, 'a swap or a rollback since this run began, which reads behind the mark',
            'a run between two steps of a remediation', 'Run the same command again: no event is lost by that.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _watermark_merge() %}
    {%- set node = graph.nodes[model.unique_id] -%}
    {%- set watermark = node.get('arrival_watermark_before_build') -%}
    {%- set incident_id = exactly_once.decided_incident() if exactly_once.settings().build_candidate else none -%}
    {#- a table that an earlier version made lacks columns until the next build of incremental_watermarks -#}
    {%- set has_all_columns = node.get('marks_have_all_columns', false) %}
        merge into {{ exactly_once._watermarks_of(this) }} as recorded
        using (
            select
                {{ exactly_once.text_literal(exactly_once._watermark_key(this)) }} as relation_name,
                {{ exactly_once.null_timestamp() if watermark is none else exactly_once.timestamp_literal(watermark) }}
                    as arrival_watermark,
                {{ exactly_once._text_or_null(node.get('generation_before_build')) }} as generation,
                {{ exactly_once._text_or_null(incident_id) }} as repaired_for,
                {%- if has_all_columns %}
                {{ exactly_once.text_literal(tojson(exactly_once._what_to_record())) }} as built_with,
                {{ exactly_once._text_or_null(node.get('read_again')) }} as read_again,
                {%- endif %}
                {{ exactly_once.text_literal(invocation_id) }} as last_run
        ) as reached
        on recorded.relation_name = reached.relation_name
        {#- else a swap has made other tables live since this run read its mark, and these know better how far they are #}
        when matched and recorded.generation is not distinct from reached.generation then update set
            arrival_watermark = reached.arrival_watermark,
            repaired_for = coalesce(reached.repaired_for, recorded.repaired_for),
            {%- if has_all_columns %}
            built_with = reached.built_with,
            read_again = reached.read_again,
            {%- endif %}
            last_run = reached.last_run
        when matched then update set last_run = reached.last_run
        when not matched then insert (
            relation_name, arrival_watermark, generation, repaired_for, last_run{{ ', built_with, read_again' if has_all_columns }}
        )
        values (
            reached.relation_name, reached.arrival_watermark, reached.generation, reached.repaired_for, reached.last_run
            {{- ', reached.built_with, reached.read_again' if has_all_columns }}
        )
{% endmacro %}


{% macro _is_update() %}
    {#- As dbt's is_incremental(), which a hook that runs after the first build can't ask: the table is there by then. -#}
    {{- return(graph.nodes[model.unique_id].get('is_update', false)) -}}
{% endmacro %}


{% macro _note_watermark(events) %}
    {#-
        Read once while the model is compiled, and kept for the whole build: a swap may come at any moment, and keys,
        bounds and mark have to be of the same tables. The generation first: if the mark is of later tables than the
        generation, the mark is not moved.
    -#}
    {%- if execute and graph.nodes[model.unique_id].get('noted_in') != invocation_id -%}
        {%- set row = exactly_once._recorded_row(this) -%}
        {%- if is_incremental() -%}{%- do exactly_once._refuse_other_vars_of_curated(this, row) -%}{%- endif -%}
        {%- set recorded = exactly_once.recorded_watermark(this) -%}
        {%- set lacking = exactly_once._runs_lacking_of_live(row) -%}
        {%- set read_again = lacking + exactly_once._run_reads_again(recorded) -%}
        {%- set all_runs = exactly_once._runs_kept(exactly_once._runs_that_read_again(row) + read_again) -%}
        {#- while the events catch up in pieces: the keys end there, and so the mark may not be later -#}
        {%- set taken_in = exactly_once._taken_in() -%}
        {%- do graph.nodes[model.unique_id].update({
            'noted_in': invocation_id,
            'generation_before_build': row.get('generation'),
            'marks_have_all_columns': 'built_with' in row and 'read_again' in row,
            'guard_before_build': exactly_once._recorded_vars(row).get('deduplicate'),
            'read_again_by_this_run': read_again,
            'read_again': (row.get('read_again') if flags.EMPTY else all_runs | join(' ')) or none,
            'recorded_before_build': exactly_once._mark_to_read_from(recorded, lacking),
            'taken_in_before_build': taken_in,
            'arrival_watermark_before_build': (recorded if is_incremental() else none) if flags.EMPTY
                else taken_in or exactly_once.arrival_watermark(events),
            'is_update': is_incremental()
        }) -%}
    {%- endif -%}
{% endmacro %}


{% macro _mark_to_read_from(recorded, runs) %}
    {#- The mark from which, less the lookback, everything is read that these runs have read. -#}
    {%- set start = exactly_once._earliest_start(runs) -%}
    {%- if recorded is none or start is none -%}{{- return(recorded) -}}{%- endif -%}
    {{- return([recorded, exactly_once.shifted_time(start, exactly_once.settings().late_arrival_hours)] | min) -}}
{% endmacro %}


{% macro _mark_before_build() %}
    {#- How far the model that is built had taken in arrivals when its compilation began, or none; a unit test has no graph. -#}
    {{- return(graph.nodes[model.unique_id].get('recorded_before_build') if execute and graph.nodes is defined else none) -}}
{% endmacro %}


{% macro _taken_in_before_build() %}
    {#- Where the piece ends that the events of this build end with, or none. -#}
    {{- return(graph.nodes[model.unique_id].get('taken_in_before_build') if execute and graph.nodes is defined else none) -}}
{% endmacro %}


{% macro _text_or_null(text) %}
    {{- return('cast(null as varchar)' if text is none else exactly_once.text_literal(text)) -}}
{% endmacro %}
