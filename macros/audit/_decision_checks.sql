{% macro _decision_checks(incident_id) %}
    {#-
        [{name, found, passed}]: incident_decisions is a table like others, so that what is about to go by it is held
        against what the audit recorded when it was decided.
    -#}
    {{- return([
        exactly_once._decisions_conserve_rows(),
        exactly_once._removed_have_survivors(incident_id),
        exactly_once._decisions_are_recorded(incident_id)
    ]) -}}
{% endmacro %}


{% macro _decisions_conserve_rows() %}
    {%- set found = run_query(
        'select (select coalesce(sum(copy_count), 0) from ' ~ exactly_once.model_relation('incident_duplicate_groups')
        ~ ') as rows_before, (select count(*) from ' ~ exactly_once.model_relation('incident_decisions')
        ~ " where decision in ('keep', 'remove', 'review')) as rows_decided"
    ).rows[0] -%}
    {{- return({
        'name': 'kept + removed + review = rows before',
        'found': found[1] ~ ' of ' ~ found[0] ~ ' rows decided',
        'passed': found[0] == found[1]
    }) -}}
{% endmacro %}


{% macro _removed_have_survivors(incident_id) %}
    {%- set decisions = exactly_once.model_relation('incident_decisions') -%}
    {%- set alone = run_query(
        'select count(*) from ' ~ decisions ~ ' as removed where incident_id = ' ~ exactly_once.text_literal(incident_id)
        ~ " and decision = 'remove' and not exists (select 1 from " ~ decisions ~ " as kept where kept.decision = 'keep'"
        ~ ' and kept.event_fingerprint = removed.event_fingerprint and kept.row_hash = removed.survivor_row_hash)'
    ).rows[0][0] | int -%}
    {{- return({
        'name': 'every copy to remove leaves a kept copy of its event',
        'found': exactly_once._with_commas(alone) ~ ' that leave none' if alone else 'all',
        'passed': alone == 0
    }) -}}
{% endmacro %}


{% macro _decisions_are_recorded(incident_id) %}
    {#- Each as audit_decisions has it, and that as the ledger had it when the detection ended. -#}
    {%- set names = 'event_fingerprint, row_hash, copy_number, decision, reason, survivor_row_hash, rule_version' -%}
    {%- set is_of_incident = ' where incident_id = ' ~ exactly_once.text_literal(incident_id) -%}
    {%- set audit = exactly_once.model_relation('audit_decisions') -%}
    {%- set detection = exactly_once._last_entry('detection', incident_id) or {'digests': {}} -%}
    {%- set found = [] -%}
    {%- if detection.phase != 'ended' -%}
        {%- do found.append('no detection that has ended in the ledger') -%}
    {%- else -%}
        {%- set lacking = run_query(
            'select count(*) from (select ' ~ names ~ ' from ' ~ exactly_once.model_relation('incident_decisions')
            ~ is_of_incident ~ ' except select ' ~ names ~ ' from ' ~ audit ~ is_of_incident
            ~ ' and dbt_valid_to is null) as lacking'
        ).rows[0][0] | int -%}
        {%- if lacking -%}{%- do found.append(exactly_once._with_commas(lacking) ~ ' that audit_decisions does not have') -%}{%- endif -%}
        {#- fewer are no sign of another decision in the audit, which still has them -#}
        {%- set counts = exactly_once._decision_counts(incident_id) -%}
        {%- if counts != detection.counts -%}
            {%- do found.append(
                counts.values() | sum ~ ' where ledger entry ' ~ detection.entry_number ~ ' has ' ~ detection.counts.values() | sum
            ) -%}
        {%- endif -%}
        {%- if exactly_once._evidence_digest('audit_decisions', incident_id) != detection.digests.audit_decisions -%}
            {%- do found.append(
                'audit_decisions is not what ledger entry ' ~ detection.entry_number ~ ' says: run ledger_verify'
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {{- return({
        'name': 'decisions are those that the detection recorded', 'found': found | join('; ') or 'all', 'passed': not found
    }) -}}
{% endmacro %}
