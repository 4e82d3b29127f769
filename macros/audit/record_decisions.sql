{% macro record_decisions(phase) %}
    {#-
        A hook of audit_decisions: writes to the ledger, before and after the snapshot, what it holds of the
        incident that is being decided. So a row that somebody changes in between is found.
    -#}
    {%- set incident_id = exactly_once._snapshot_incident() if execute -%}
    {%- if incident_id -%}
        {#- after the first snapshot dbt does not know yet that the table is there -#}
        {%- set digests = {
            'audit_decisions': exactly_once._evidence_digest('audit_decisions', incident_id, phase == 'ended')
        } -%}
        {%- if phase == 'begun' -%}
            {%- do exactly_once._begin_step('detection', incident_id, digests=digests) -%}
        {%- else -%}
            {%- do exactly_once._end_step('detection', incident_id, exactly_once._decision_counts(incident_id), digests) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _snapshot_incident() %}
    {#- The incident whose rows the snapshot can write: that of the decisions, and of the scope where there are none. -#}
    {%- set decisions = exactly_once.model_relation('incident_decisions') -%}
    {%- set decided = run_query('select max(incident_id) as incident_id from ' ~ decisions).rows[0][0]
        if exactly_once._is_there(decisions) -%}
    {{- return(decided or exactly_once.decided_incident()) -}}
{% endmacro %}


{% macro _decision_counts(incident_id) %}
    {%- set counts = {} -%}
    {%- for row in run_query(
        'select decision, count(*) as copies from ' ~ exactly_once.model_relation('incident_decisions')
        ~ ' where incident_id = ' ~ exactly_once.text_literal(incident_id) ~ ' group by decision order by decision'
    ).rows -%}
        {%- do counts.update({row[0]: row[1] | int}) -%}
    {%- endfor -%}
    {{- return(counts) -}}
{% endmacro %}
