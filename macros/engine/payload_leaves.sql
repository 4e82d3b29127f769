{% macro payload_leaves(relation, key, payload, most_names) %}
    {#-
        A query for the values in the payloads of a relation: the key, the path and the value as text, one row for
        each value that is neither a structure nor null and that at most so many names lead to. A member of an array
        has its place in the path; a name with a point, a quote or a bracket is in quotes. A payload that is not JSON
        has none.
    -#}
    {{- return(adapter.dispatch('payload_leaves', 'exactly_once')(relation, key, payload, most_names)) -}}
{% endmacro %}


{% macro default__payload_leaves(relation, key, payload, most_names) %}
    {%- do exactly_once._refuse_engine('payload_leaves') -%}
{% endmacro %}


{% macro duckdb__payload_leaves(relation, key, payload, most_names) %}
    {%- set simple, name = exactly_once.text_literal('"([^][."]*)"'), exactly_once.text_literal('\\1') -%}
    {%- set path = 'ltrim(regexp_replace(substr(leaves.fullkey, 2), ' ~ simple ~ ', ' ~ name ~ ", 'g'), '.')" -%}
    select
        payloads.{{ key }},
        {{ path }} as path,
        case leaves.type
            when 'VARCHAR' then json_extract_string(leaves.atom, '$')
            else {{ exactly_once.canonical_text('leaves.atom', 'json') }}
        end as value
    from {{ relation }} as payloads, json_tree({{ exactly_once._as_json(payload) }}) as leaves
    where
        leaves.type not in ('OBJECT', 'ARRAY', 'NULL')
        and {{ exactly_once._name_count(path) }} <= {{ most_names }}
{%- endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/flatten -#}
{% macro snowflake__payload_leaves(relation, key, payload, most_names) %}
    {#- a name that is no identifier is written ['so'] -#}
    {%- set simple = exactly_once.text_literal("[[]'([^].\"'[]*)'[]]") -%}
    {%- set unquoted = 'regexp_replace(leaves.path, ' ~ simple ~ ', ' ~ exactly_once.text_literal('.\\1') ~ ')' -%}
    {%- set path = 'ltrim(replace(replace(' ~ unquoted ~ ", '[''', '.\"'), ''']', '\"'), '.')" -%}
    select
        payloads.{{ key }},
        {{ path }} as path,
        case typeof(leaves.value)
            when 'VARCHAR' then cast(leaves.value as varchar)
            else {{ exactly_once.canonical_text('leaves.value', 'json') }}
        end as value
    from
        {{ relation }} as payloads,
        lateral flatten(input => {{ exactly_once._as_json(payload) }}, recursive => true) as leaves
    where
        typeof(leaves.value) not in ('OBJECT', 'ARRAY', 'NULL_VALUE')
        and {{ exactly_once._name_count(path) }} <= {{ most_names }}
{%- endmacro %}


{% macro _name_count(path_sql) %}
    {{- return('length(' ~ path_sql ~ ') - length(replace(' ~ path_sql ~ ", '.', '')) + 1") -}}
{% endmacro %}
