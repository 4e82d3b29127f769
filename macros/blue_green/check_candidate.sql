{% macro check_candidate(relation) %}
    {#-
        A candidate is built on a clone of live, for the incident that incident_decisions holds, and a replaced table where
        a swap has kept it; else the build is refused.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- if settings.build_candidate -%}
            {%- do exactly_once._check_is_clone(relation) -%}
        {%- elif settings.build_replaced is not none -%}
            {%- do exactly_once._check_is_replaced(relation, settings.build_replaced) -%}
        {%- endif -%}
        {#- where schemas are swapped, it is the schema that bears the marker -#}
        {%- if exactly_once._suffix_of_build() and not exactly_once._swaps_schemas() -%}
            {%- do exactly_once._own_comment() -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_is_clone(relation) %}
    {%- do exactly_once._refuse_while_catching_up('candidate ' ~ relation) -%}
    {%- set marker = exactly_once.candidate_marker(relation) -%}
    {%- set incident_id = exactly_once.decided_incident() -%}
    {%- if marker is none -%}
        {%- do exactly_once._refuse(
            'candidate ' ~ relation, 'none', 'a clone of the live table',
            'Run: ' ~ exactly_once._verb_command('remediation_clone', incident_id)
        ) -%}
    {%- elif marker.incident_id != incident_id -%}
        {%- do exactly_once._refuse(
            'candidate ' ~ relation, 'a clone for incident ' ~ marker.incident_id,
            'a clone for incident ' ~ incident_id ~ ', which incident_decisions holds',
            'Run: ' ~ exactly_once._verb_command('remediation_clone', incident_id)
        ) -%}
    {%- elif flags.FULL_REFRESH and not exactly_once._swaps_schemas() -%}
        {#- the table would be another, without the marker -#}
        {%- do exactly_once._refuse(
            'candidate ' ~ relation, '--full-refresh', 'a run that repairs the clone', 'Leave --full-refresh out.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_is_replaced(relation, incident_id) %}
    {%- if (exactly_once.candidate_marker(relation) or {}).replaced_for != incident_id -%}
        {%- do exactly_once._drop_empty_schema(relation) -%}
        {%- do exactly_once._refuse(
            'table ' ~ relation ~ ', which exactly_once__build_replaced: ' ~ incident_id ~ ' asks for',
            'none that a swap for that incident has kept', 'an incident that has been swapped, and not retired',
            'See: ' ~ exactly_once._verb_command('remediation_status', incident_id)
        ) -%}
    {%- elif flags.FULL_REFRESH -%}
        {%- do exactly_once._refuse(
            'table ' ~ relation, '--full-refresh', 'a run that adds what has arrived',
            'It would be the repaired table then, and not the one to go back to: leave --full-refresh out.'
        ) -%}
    {%- endif -%}
{% endmacro %}
