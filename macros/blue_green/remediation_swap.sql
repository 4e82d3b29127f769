{% macro remediation_swap(incident_id) %}
    {#-
        Run-operation. Validates the candidates once more and makes them live in one transaction of renames,
        whose time doesn't grow with the data. The replaced tables are kept as <table>__replaced_<incident>.
    -#}
    {%- set tables = exactly_once.curated_relations(incident_id) -%}
    {%- if exactly_once._are_swapped(tables) -%}
        {%- do log('Incident ' ~ incident_id ~ ' is swapped already; nothing to do.', info=true) -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- do exactly_once.remediation_validate(incident_id) -%}
    {%- do log('Swapping ' ~ tables | length ~ ' curated tables for incident ' ~ incident_id, info=true) -%}
    {%- do adapter.dispatch('_swap_tables', 'exactly_once')(tables) -%}
    {%- for table in tables -%}
        {%- do log('  ' ~ table.live ~ ' is repaired; the old table is kept as ' ~ table.replaced, info=true) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _are_swapped(tables) %}
    {#- The swap is one transaction, so either every table of the incident is replaced or none is. -#}
    {%- for table in tables if not exactly_once._is_there(table.replaced) -%}{{- return(false) -}}{%- endfor -%}
    {{- return(tables | length > 0) -}}
{% endmacro %}


{% macro default___swap_tables(tables) %}
    {%- do exactly_once._refuse_verb() -%}
{% endmacro %}


{% macro duckdb___swap_tables(tables) %}
    {%- set watermarks = exactly_once.model_relation('incremental_watermarks') -%}
    {%- set statements = [] -%}
    {%- for table in tables -%}
        {%- for old, new in [(table.live, table.replaced), (table.candidate, table.live)] -%}
            {%- do statements.append('alter table ' ~ old ~ ' rename to ' ~ adapter.quote(new.identifier)) -%}
            {%- do statements.append(
                'update ' ~ watermarks ~ ' set relation_name = ' ~ exactly_once.text_literal(exactly_once._watermark_key(new))
                ~ ' where relation_name = ' ~ exactly_once.text_literal(exactly_once._watermark_key(old))
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do exactly_once._run_in_one_transaction(statements) -%}
{% endmacro %}
