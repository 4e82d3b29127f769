{% macro _note_on_scope() %}
    {#-
        A post-hook of incident_duplicate_groups, and of incident_decisions behind it: notes in the comment of
        incident_scope that they are of it, and by which key. A new scope is a new table, without a note until detection
        has come so far.
    -#}
    {%- if execute and not flags.EMPTY
        and (model.name == 'incident_duplicate_groups' or exactly_once._noted_on_scope()) -%}
        comment on table {{ exactly_once.model_relation('incident_scope') }} is {{ exactly_once.text_literal(tojson({
            'app': 'exactly_once', 'decided_to': model.name, 'key': exactly_once._key_in_force()
        })) }}
    {%- endif -%}
{% endmacro %}


{% macro _noted_on_scope() %}
    {#- The last model that is known to be of the scope in force, or none. -#}
    {{- return(exactly_once._note_of_scope().decided_to) -}}
{% endmacro %}


{% macro _note_of_scope() %}
    {{- return(exactly_once._parsed_marker(exactly_once._comment_on(exactly_once.model_relation('incident_scope'))) or {}) -}}
{% endmacro %}


{% macro _decisions_problem(incident_id) %}
    {#- Why incident_decisions may not be of the incident and window in incident_scope, {found, command}, or none. -#}
    {%- set detection = exactly_once._detection_command(incident_id) -%}
    {%- set note = exactly_once._note_of_scope() -%}
    {%- if note.decided_to != 'incident_decisions' -%}
        {{- return({'found': 'those of an earlier scope: the last detection stopped before them', 'command': detection}) -}}
    {%- endif -%}
    {%- if note.get('key', exactly_once._key_in_force()) != exactly_once._key_in_force() -%}
        {{- return({
            'found': 'those by another business key, ' ~ tojson(note.key) ~ ', than that in force', 'command': detection
        }) -}}
    {%- endif -%}
    {%- for name in ('incident_duplicate_groups', 'incident_decisions') -%}
        {%- set others = run_query(
            'select distinct incident_id from ' ~ exactly_once.model_relation(name) ~ ' where incident_id <> '
            ~ exactly_once.text_literal(incident_id) ~ ' order by 1'
        ).columns[0].values() -%}
        {%- if others -%}
            {{- return({'found': name ~ ' of incident ' ~ others | join(', '), 'command': detection}) -}}
        {%- endif -%}
    {%- endfor -%}
    {{- return(exactly_once._verdict_on_quarantine(detection)) -}}
{% endmacro %}


{% macro _verdict_on_quarantine(detection) %}
    {#- A verdict that keeps copies can't be followed while they are out of the source, where no detection finds them. -#}
    {%- set quarantine = exactly_once._quarantine_if_made() -%}
    {%- set overrides = exactly_once.model_relation('decision_overrides') -%}
    {%- if quarantine is none or not exactly_once._is_there(overrides) -%}{{- return(none) -}}{%- endif -%}
    {%- set is_kept = ' where event_fingerprint in (select event_fingerprint from ' ~ overrides
        ~ " where decision <> 'remove' and " ~ exactly_once._verdict_counts() ~ ')' -%}
    {#- asked first, for what is in reach takes a scan of the scope -#}
    {%- if not run_query(
        'select 1 as found from ' ~ quarantine ~ is_kept ~ ' and restored_at is null limit 1'
    ).rows -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set quarantined = exactly_once._quarantined_in_reach() -%}
    {%- set kept = run_query(
        'select incident_id, count(distinct event_fingerprint) as events from ' ~ quarantined ~ is_kept
        ~ ' group by incident_id order by incident_id'
    ).rows if quarantined is not none else [] -%}
    {%- if not kept -%}{{- return(none) -}}{%- endif -%}
    {%- set commands = [] -%}
    {%- for row in kept -%}{%- do commands.append(exactly_once._verb_command('raw_restore', row[0])) -%}{%- endfor -%}
    {{- return({
        'found': 'on ' ~ kept | sum(attribute=1) ~ ' events with copies in quarantine, a verdict that keeps them',
        'command': (commands + [detection]) | join('; then: ')
    }) -}}
{% endmacro %}
