{% macro _note_on_scope() %}
    {#-
        A post-hook of incident_duplicate_groups, and of incident_decisions behind it: notes in the comment of
        incident_scope that they are of it. A new scope is a new table, without a note until detection has come so far.
    -#}
    {%- if execute and not flags.EMPTY
        and (model.name == 'incident_duplicate_groups' or exactly_once._noted_on_scope()) -%}
        comment on table {{ exactly_once.model_relation('incident_scope') }} is {{ exactly_once.text_literal(tojson({
            'app': 'exactly_once', 'decided_to': model.name
        })) }}
    {%- endif -%}
{% endmacro %}


{% macro _noted_on_scope() %}
    {#- The last model that is known to be of the scope in force, or none. -#}
    {%- set comment = exactly_once._comment_on(exactly_once.model_relation('incident_scope')) -%}
    {{- return((exactly_once._parsed_marker(comment) or {}).decided_to) -}}
{% endmacro %}


{% macro _decisions_problem(incident_id) %}
    {#- Why incident_decisions may not be of the incident and window in incident_scope, or none. -#}
    {%- if exactly_once._noted_on_scope() != 'incident_decisions' -%}
        {{- return('those of an earlier scope: the last detection stopped before them') -}}
    {%- endif -%}
    {%- for name in ('incident_duplicate_groups', 'incident_decisions') -%}
        {%- set others = run_query(
            'select distinct incident_id from ' ~ exactly_once.model_relation(name) ~ ' where incident_id <> '
            ~ exactly_once.text_literal(incident_id) ~ ' order by 1'
        ).columns[0].values() -%}
        {%- if others -%}{{- return(name ~ ' of incident ' ~ others | join(', ')) -}}{%- endif -%}
    {%- endfor -%}
    {{- return(exactly_once._verdict_on_quarantine(incident_id)) -}}
{% endmacro %}


{% macro _verdict_on_quarantine(incident_id) %}
    {#- A verdict that keeps copies can't be followed while they are out of the source, where no detection finds them. -#}
    {%- set quarantine = exactly_once._quarantine_if_made() -%}
    {%- set overrides = exactly_once.model_relation('decision_overrides') -%}
    {%- if quarantine is none or not exactly_once._is_there(overrides) -%}{{- return(none) -}}{%- endif -%}
    {%- set kept = run_query(
        'select count(distinct event_fingerprint) from ' ~ quarantine ~ ' where restored_at is null and incident_id = '
        ~ exactly_once.text_literal(incident_id) ~ ' and event_fingerprint in (select event_fingerprint from ' ~ overrides
        ~ " where decision <> 'remove' and " ~ exactly_once._verdict_counts() ~ ')'
    ).rows[0][0] | int -%}
    {{- return(
        'on ' ~ kept ~ ' events with copies in quarantine, a verdict that keeps them: run raw_restore, then detection' if kept
        else none
    ) -}}
{% endmacro %}
