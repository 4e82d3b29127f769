{% macro check_candidates() %}
    {#- Every candidate at once, in a model that the curated models depend on: one error instead of one each. -#}
    {%- if execute and exactly_once.settings().build_candidate -%}
        {%- for table in exactly_once.curated_relations('') -%}
            {%- do exactly_once.check_candidate(table.candidate) -%}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
