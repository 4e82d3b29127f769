{% macro check_candidate(relation) %}
    {#- A candidate is built on a clone of live, for the incident that incident_decisions holds; else it is refused. -#}
    {%- if execute and exactly_once.settings().build_candidate and flags.WHICH in ('run', 'build') -%}
        {%- do exactly_once._refuse_while_catching_up('candidate ' ~ relation) -%}
        {%- set marker = exactly_once.candidate_marker(relation) -%}
        {%- set incident_id = exactly_once.decided_incident() -%}
        {%- if marker is none -%}
            {%- do exactly_once._refuse(
                'candidate ' ~ relation, 'none', 'a clone of the live table',
                "Run: dbt run-operation remediation_clone --args '{incident_id: " ~ incident_id ~ "}'"
            ) -%}
        {%- elif marker.incident_id != incident_id -%}
            {%- do exactly_once._refuse(
                'candidate ' ~ relation, 'a clone for incident ' ~ marker.incident_id,
                'a clone for incident ' ~ incident_id ~ ', which incident_decisions holds',
                "Run: dbt run-operation remediation_clone --args '{incident_id: " ~ incident_id ~ "}'"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
