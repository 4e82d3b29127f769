{% macro record_decisions(phase) %}
    {#-
        A hook of audit_decisions: writes to the ledger, before and after the snapshot, what it holds of the
        incident that is being decided. So a row that somebody changes in between is found.
    -#}
    {%- if execute and flags.WHICH in ('build', 'snapshot') -%}
        {%- set incident_id = exactly_once.decided_incident() -%}
        {%- if incident_id is not none -%}
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
    {%- endif -%}
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
