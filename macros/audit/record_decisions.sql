{% macro record_decisions(phase) %}
    {#-
        A hook of audit_decisions: writes to the ledger, before and after the snapshot, what it holds of the
        incident that is being decided. So a row that somebody changes in between is found. After the snapshot it ends
        the decisions that are not made any more.
    -#}
    {%- set incident_id = exactly_once._snapshot_incident() if execute -%}
    {%- if incident_id -%}
        {%- if phase == 'ended' -%}{%- do run_query(exactly_once._end_undecided(incident_id)) -%}{%- endif -%}
        {#- after the first snapshot dbt does not know yet that the table is there -#}
        {%- set digests = {
            'audit_decisions': exactly_once._evidence_digest('audit_decisions', incident_id, phase == 'ended')
        } -%}
        {%- if phase == 'begun' -%}
            {%- do exactly_once._begin_step('detection', incident_id, digests=digests) -%}
        {%- else -%}
            {#- what arrives after that may hold copies that nobody has decided on -#}
            {%- set events = exactly_once.model_relation('stg_events_deduplicated') -%}
            {%- set mark = exactly_once.arrival_watermark(events) if exactly_once._is_there(events) else none -%}
            {%- do exactly_once._end_step(
                'detection', incident_id, exactly_once._decision_counts(incident_id), digests,
                {'arrived_until': exactly_once._iso_or_none(mark)}
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _end_undecided(incident_id) %}
    {#- The decisions on events with copies in quarantine stand: detection finds those no more. -#}
    {%- set audit = exactly_once.model_relation('audit_decisions') -%}
    {%- set quarantine = exactly_once._quarantine_if_made() -%}
    update {{ audit }} set dbt_valid_to = {{ dbt.snapshot_get_time() }}
    where dbt_scd_id in (
        select audited.dbt_scd_id
        from {{ audit }} as audited
        left join {{ exactly_once.model_relation('incident_decisions') }} as decisions
            on
                audited.incident_id = decisions.incident_id
                and audited.row_hash = decisions.row_hash
                and audited.copy_number = decisions.copy_number
        where
            audited.incident_id = {{ exactly_once.text_literal(incident_id) }}
            and audited.dbt_valid_to is null
            and decisions.row_hash is null
            {%- if quarantine is not none %}
            and audited.event_fingerprint not in (
                select quarantined.event_fingerprint from {{ quarantine }} as quarantined
                where quarantined.restored_at is null
            )
            {%- endif %}
    )
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
