{% macro check_candidates() %}
    {#-
        Every candidate, or replaced table, at once, in a model that the curated models depend on: one error instead of
        one each. Then the ledger has it that a build began.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- if settings.build_candidate -%}
            {%- set incident_id = exactly_once._remember('repaired_incident', exactly_once.decided_incident()) -%}
            {%- do exactly_once.tag_queries('candidate_build', incident_id) -%}
            {%- if settings.incident_id or incident_id -%}
                {%- do exactly_once._check_incident(settings.incident_id or incident_id) -%}
            {%- endif -%}
            {%- if not settings.deduplicate -%}
                {%- do exactly_once._refuse(
                    'var exactly_once__deduplicate', 'false', 'true for a build of candidates, which would hold every copy otherwise',
                    'Set it in the vars of this command and of the job, and run: ' ~ exactly_once._build_command(incident_id)
                ) -%}
            {%- endif -%}
            {%- for table in exactly_once.curated_relations('') -%}
                {%- do exactly_once.check_candidate(table.candidate) -%}
                {%- do exactly_once._check_place(table, 'candidate') -%}
            {%- endfor -%}
            {%- do exactly_once._begin_step('candidate_build', incident_id) -%}
            {%- do exactly_once._untag_queries() -%}
        {%- elif settings.build_replaced is not none -%}
            {%- do exactly_once.tag_queries('replaced_build', settings.build_replaced) -%}
            {%- set tables = exactly_once.curated_relations(settings.build_replaced) -%}
            {%- if settings.build_replaced in exactly_once._kept_swaps(tables) -%}
                {%- do exactly_once._check_has_all_models(tables, 'replaced') -%}
            {%- endif -%}
            {%- for table in tables -%}
                {%- do exactly_once.check_candidate(table.replaced) -%}
                {%- do exactly_once._check_place(table, 'replaced') -%}
            {%- endfor -%}
            {%- do exactly_once._check_columns_are_there(tables, settings.build_replaced, false) -%}
            {%- do exactly_once._begin_step(
                'replaced_build', settings.build_replaced,
                {'last_runs': exactly_once._names_of_last_runs(tables, 'replaced')},
                exactly_once._digests_of(tables, 'replaced')
            ) -%}
            {%- do exactly_once._untag_queries() -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_place(table, place) %}
    {#- A model that ignores what kind of build this is would write to live. -#}
    {%- if (table.built | string | lower) != (table[place] | string | lower) -%}
        {%- do exactly_once._refuse(
            'model ' ~ table.name, 'a build of ' ~ table.built, 'a build of ' ~ table[place],
            'Take its alias from curated_alias, and on Snowflake its +schema from docs/snowflake.md.'
        ) -%}
    {%- endif -%}
{% endmacro %}
