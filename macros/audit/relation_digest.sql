{% macro relation_digest(relation, columns=none, predicate='true', alias='hashed_rows') %}
    {#-
        A query for one row, `row_count` and `digest`: equal for equal rows in any order, copies counted. A column
        that is added later and is NULL changes nothing.
        The digest is the sum of each quarter of the rows' MD5, so it needs no sort and no memory.
        columns: names; all of the relation's by default.
    -#}
    {%- set found = exactly_once._tested_columns('relation_digest', relation) if execute else [] -%}
    {%- set hashed = found if columns is none else exactly_once._digested_columns(relation, columns, found) -%}
    {{- exactly_once._digest_query(relation, hashed, predicate, alias) -}}
{% endmacro %}


{% macro _digest_query(relation, hashed, predicate, alias) %}
    select
        count(*) as row_count,
        {{ exactly_once._digest_of_rows('true') }} as digest
    from (
        select {{ exactly_once.row_hash(hashed) }} as row_md5
        from {{ relation }} as {{ alias }}
        where {{ predicate }}
    ) as hashed
{% endmacro %}


{% macro _digested_columns(relation, names, found) %}
    {#- Of no column at all the digest would be the same for any rows. -#}
    {%- set what = 'argument columns of relation_digest on ' ~ relation -%}
    {%- set chosen = [] -%}
    {%- for name in exactly_once._tested_list(what, names) if execute -%}
        {%- do chosen.append(exactly_once._tested_column(what, name, found)) -%}
    {%- endfor -%}
    {%- if execute and not chosen -%}
        {%- do exactly_once._refuse(what, names, 'names of columns, or none for all of them', 'Name a column.') -%}
    {%- endif -%}
    {{- return(found | select('in', chosen) | list) -}}
{% endmacro %}


{% macro _digest_of_rows(is_counted) %}
    {#- The digest over a relation with `row_md5`, of the rows of which a condition holds. -#}
    md5(
        cast(count(case when {{ is_counted }} then 1 end) as varchar)
        {%- for start in [1, 9, 17, 25] %}
        || ':' || cast(coalesce(sum(
            case when {{ is_counted }} then {{ exactly_once._hex_number('substr(row_md5, ' ~ start ~ ', 8)') }} end
        ), 0) as varchar)
        {%- endfor %}
    )
{%- endmacro %}


{% macro _hex_number(hex_sql) %}
    {{- return(adapter.dispatch('_hex_number', 'exactly_once')(hex_sql)) -}}
{% endmacro %}


{% macro default___hex_number(hex_sql) %}
    {%- do exactly_once._refuse_engine('relation_digest') -%}
{% endmacro %}


{% macro duckdb___hex_number(hex_sql) -%}
    cast('0x' || {{ hex_sql }} as bigint)
{%- endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/functions/to_decimal -#}
{% macro snowflake___hex_number(hex_sql) -%}
    to_number({{ hex_sql }}, 'XXXXXXXX')
{%- endmacro %}
