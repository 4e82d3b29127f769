{% macro remediation_clone(incident_id) %}
    {#-
        Run-operation. Copies each live curated table to <table>__candidate, in one transaction, so that the
        repair happens beside the readers. Run again, it starts over from live.
    -#}
    {%- do exactly_once._check_incident(incident_id) -%}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- for table in tables -%}
        {%- if not exactly_once._is_there(table.live) -%}
            {%- do exactly_once._refuse(
                'live table ' ~ table.live, 'none', 'a table to clone', 'Run: dbt build --selector fifteen_minute'
            ) -%}
        {%- elif exactly_once._is_there(table.replaced) -%}
            {%- do exactly_once._refuse(
                'incident ' ~ incident_id, 'a swap that is done: ' ~ table.replaced ~ ' is kept',
                'an incident without a swap', 'Use another incident_id for a further repair.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do log('Cloning ' ~ tables | length ~ ' curated tables for incident ' ~ incident_id, info=true) -%}
    {%- do adapter.dispatch('_clone_tables', 'exactly_once')(tables, incident_id) -%}
    {%- for table in tables -%}
        {%- do log('  ' ~ table.live ~ ' is cloned to ' ~ table.candidate, info=true) -%}
    {%- endfor -%}
    {%- do log(
        "Next: dbt build --selector remediation --vars '{exactly_once__build_candidate: true, incident_id: "
        ~ incident_id ~ "}'", info=true
    ) -%}
{% endmacro %}


{% macro _check_incident(incident_id) %}
    {%- set decided = exactly_once.decided_incident() -%}
    {%- if decided is none or incident_id != decided -%}
        {%- do exactly_once._refuse(
            'incident_id', incident_id, 'the incident that incident_decisions holds: ' ~ decided,
            'Run: dbt build --selector detection, with the incident_id that you mean.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _is_there(relation) %}
    {{- return(adapter.get_relation(relation.database, relation.schema, relation.identifier) is not none) -}}
{% endmacro %}


{% macro default___clone_tables(tables, incident_id) %}
    {%- do exactly_once._refuse_verb() -%}
{% endmacro %}


{% macro duckdb___clone_tables(tables, incident_id) %}
    {%- set watermarks = exactly_once.model_relation('incremental_watermarks') -%}
    {%- set statements = [] -%}
    {%- for table in tables -%}
        {%- set watermark = exactly_once.recorded_watermark(table.live) -%}
        {%- set marker = {
            'incident_id': incident_id,
            'cloned_watermark': watermark.isoformat() if watermark is not none else none
        } -%}
        {%- do statements.append('create or replace table ' ~ table.candidate ~ ' as select * from ' ~ table.live) -%}
        {%- do statements.append(
            'comment on table ' ~ table.candidate ~ ' is ' ~ exactly_once.text_literal(tojson(marker))
        ) -%}
        {%- do statements.append(
            'delete from ' ~ watermarks ~ ' where relation_name = '
            ~ exactly_once.text_literal(exactly_once._watermark_key(table.candidate))
        ) -%}
        {%- do statements.append(
            'insert into ' ~ watermarks ~ ' select '
            ~ exactly_once.text_literal(exactly_once._watermark_key(table.candidate))
            ~ ', arrival_watermark from ' ~ watermarks ~ ' where relation_name = '
            ~ exactly_once.text_literal(exactly_once._watermark_key(table.live))
        ) -%}
    {%- endfor -%}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}
