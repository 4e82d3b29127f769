{% macro check_candidates() %}
    {#-
        Every candidate at once, in a model that the curated models depend on: one error instead of one each. Then
        the ledger has it that a build began.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if execute and settings.build_candidate and flags.WHICH in ('run', 'build') -%}
        {%- if settings.incident_id is not none -%}
            {%- do exactly_once._check_incident(settings.incident_id) -%}
        {%- endif -%}
        {%- for table in exactly_once.curated_relations('') -%}
            {%- do exactly_once.check_candidate(table.candidate) -%}
        {%- endfor -%}
        {%- do exactly_once.tag_queries('candidate_build', exactly_once.decided_incident()) -%}
        {%- do exactly_once._begin_step('candidate_build', exactly_once.decided_incident()) -%}
    {%- endif -%}
{% endmacro %}
