{% macro record_candidate_build(results) %}
    {#-
        The hook on-run-end: writes to the ledger that the candidates are built, if this run built some and nothing
        in it failed. check_candidates wrote that it began. A run that died or failed has no end there.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') and exactly_once.settings().build_candidate -%}
        {%- set tables = exactly_once.curated_relations('') -%}
        {%- set curated = tables | map(attribute='name') | list -%}
        {%- set built = results | selectattr('node.resource_type', 'equalto', 'model')
            | map(attribute='node.name') | select('in', curated) | list -%}
        {%- set failed = results | rejectattr('status', 'in', ('success', 'pass', 'warn')) | list -%}
        {%- if built and not failed -%}
            {%- set incident_id = exactly_once.candidate_marker(tables[0].candidate).incident_id -%}
            {%- do exactly_once.tag_queries('candidate_build', incident_id) -%}
            {%- do exactly_once._end_step(
                'candidate_build', incident_id, exactly_once._row_counts(tables, 'candidate')
            ) -%}
            {%- do exactly_once._commit_what_is_open() -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
