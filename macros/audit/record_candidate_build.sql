{% macro record_candidate_build(results) %}
    {#-
        The hook on-run-end: writes to the ledger that the candidates, or the replaced tables, are built, and how many
        tests passed on them, if this run built all of them and nothing in it failed. check_candidates wrote that it
        began. A run that died, failed, or left a table out has no end there.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if execute and flags.WHICH in ('run', 'build') and (settings.build_candidate or settings.build_replaced is not none) -%}
        {%- set tables = exactly_once.curated_relations(settings.build_replaced or '') -%}
        {%- set curated = tables | map(attribute='name') | list -%}
        {%- set built = results | selectattr('node.resource_type', 'equalto', 'model')
            | map(attribute='node.name') | select('in', curated) | list -%}
        {%- set failed = results | rejectattr('status', 'in', ('success', 'pass', 'warn')) | list -%}
        {%- if built | length == curated | length and not failed -%}
            {%- set tests = results | selectattr('node.resource_type', 'equalto', 'test') | list | length -%}
            {%- if settings.build_candidate -%}
                {%- set incident_id = exactly_once.candidate_marker(tables[0].candidate).incident_id -%}
                {%- do exactly_once.tag_queries('candidate_build', incident_id) -%}
                {%- do exactly_once._end_step(
                    'candidate_build', incident_id, dict(exactly_once._row_counts(tables, 'candidate'), tests=tests)
                ) -%}
            {%- else -%}
                {%- do exactly_once.tag_queries('replaced_build', settings.build_replaced) -%}
                {%- do exactly_once._end_step(
                    'replaced_build', settings.build_replaced, exactly_once._row_counts(tables, 'replaced'),
                    exactly_once._digests_of(tables, 'replaced'),
                    {'last_runs': exactly_once._names_of_last_runs(tables, 'replaced')}
                ) -%}
            {%- endif -%}
            {%- do exactly_once._commit_what_is_open() -%}
            {%- do exactly_once._untag_queries() -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
