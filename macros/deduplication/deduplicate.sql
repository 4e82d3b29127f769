{% macro deduplicate(relation, key, order_by, predicate='true', nulls='keep', columns=none) %}
    {#-
        A query for one row of each key, with all columns of the relation: the first by order_by, NULLs last, and among
        rows that tie the one with the least row_hash, so that the order is total.
        key: names, or {name, normalize, cast}. order_by: names, each with ` desc` if need be. predicate: on the rows
        that are read. nulls: whether a row whose key holds a NULL stays (keep), or NULL is like NULL (match).
        columns: [{name, type}] where dbt can't ask for them, as of a CTE.
    -#}
    {{- return(adapter.dispatch('deduplicate', 'exactly_once')(relation, key, order_by, predicate, nulls, columns)) -}}
{% endmacro %}


{% macro default__deduplicate(relation, key, order_by, predicate, nulls, columns) %}
    {%- do exactly_once._refuse_engine('deduplicate') -%}
{% endmacro %}


{% macro duckdb__deduplicate(relation, key, order_by, predicate, nulls, columns) %}
    {{- return(exactly_once._narrow_first(relation, key, order_by, predicate, nulls, columns)) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/constructs/qualify -#}
{% macro snowflake__deduplicate(relation, key, order_by, predicate, nulls, columns) %}
    {{- return(exactly_once._narrow_first(relation, key, order_by, predicate, nulls, columns)) -}}
{% endmacro %}


{% macro _narrow_first(relation, key, order_by, predicate, nulls, columns) %}
    {#-
        Which rows are first is told by key and order alone. The others are read of rows that stay, and hashed of ties.
        The prefix keeps its steps apart from a CTE of the caller, which the relation may be.
    -#}
    {%- if not execute -%}{{- return('select * from ' ~ relation) -}}{%- endif -%}
    {%- set columns = exactly_once._deduplicated_columns(relation, columns) -%}
    {%- set keys = exactly_once._deduplicated_key(relation, key, columns) -%}
    {%- set order = exactly_once._deduplicated_order(relation, order_by, keys, columns) -%}
    {%- if nulls not in ('keep', 'match') -%}
        {%- do exactly_once._refuse(
            exactly_once._deduplicate_argument('nulls', relation), nulls, 'keep or match',
            'Say whether a row whose key holds a NULL stays, or is a copy of those that hold it too.'
        ) -%}
    {%- endif -%}
    {%- set equals = ' is not distinct from ' if nulls == 'match' else ' = ' -%}
    {%- set key_values, key_names, is_repeated, place, place_names, is_same_place = [], [], [], [], [], [] -%}
    {%- for column in keys -%}
        {%- set wide = dict(column, sql='wide_rows.' ~ column.sql) -%}
        {%- do key_values.append(exactly_once.key_value({'key': keys}, column)) -%}
        {%- do key_names.append('key_' ~ loop.index) -%}
        {%- do is_repeated.append(key_names[-1] ~ equals ~ 'repeated_' ~ key_names[-1]) -%}
        {%- do place.append(key_values[-1] ~ ' as ' ~ key_names[-1]) -%}
        {%- do is_same_place.append(
            exactly_once.key_value({'key': [wide]}, wide) ~ equals ~ 'deduplicate_contested.' ~ key_names[-1]
        ) -%}
    {%- endfor -%}
    {%- set order_names, ordered = [], [] -%}
    {%- for column in order -%}
        {%- do order_names.append('order_' ~ loop.index) -%}
        {%- do ordered.append(order_names[-1] ~ ' ' ~ column.direction ~ ' nulls last') -%}
        {%- do place.append(column.sql ~ ' as ' ~ order_names[-1]) -%}
        {%- do is_same_place.append('wide_rows.' ~ column.sql ~ ' is not distinct from deduplicate_contested.' ~ order_names[-1]) -%}
    {%- endfor -%}
    {%- set has_key = exactly_once.key_is_complete({'key': keys}) -%}
    {%- set is_judged = '(' ~ predicate ~ ')' ~ (' and ' ~ has_key if nulls == 'keep' else '') -%}
    {%- set every_column = columns | map(attribute='sql') | join(',\n        ') -%}
    {%- set place_names = (key_names + order_names) | join(',\n        ') -%}
with deduplicate_narrow as (
    select
        {{ place | join(',\n        ') }}
    from {{ relation }}
    where {{ is_judged }}
),

deduplicate_repeated as (
    select
        {% for name in key_names -%}
            {{ name }} as repeated_{{ name }}{{ ',' if not loop.last }}
        {% endfor -%}
    from deduplicate_narrow
    group by {{ key_names | join(', ') }}
    having count(*) > 1
),

-- what doesn't simply stay: the places after the first of a key, and the first where several rows share it
deduplicate_contested as (
    select
        {{ place_names }},
        count(*) as row_count,
        row_number() over (
            partition by {{ key_names | join(', ') }}
            order by {{ ordered | join(', ') }}
        ) as place_number
    from deduplicate_narrow
    inner join deduplicate_repeated
        on
            {{ is_repeated | join('\n            and ') }}
    group by
        {{ place_names }}
    qualify place_number > 1 or row_count > 1
),

deduplicate_alone as (
    select wide_rows.*
    from (select * from {{ relation }} where {{ is_judged }}) as wide_rows
    left join deduplicate_contested
        on
            {{ is_same_place | join('\n            and ') }}
    where deduplicate_contested.row_count is null
),

deduplicate_tied as (
    select wide_rows.*
    from (select * from {{ relation }} where {{ is_judged }}) as wide_rows
    inner join deduplicate_contested
        on
            {{ is_same_place | join('\n            and ') }}
    where deduplicate_contested.place_number = 1
),

deduplicate_hashed as (
    select
        deduplicate_tied.*,
        {{ exactly_once.row_hash(columns) }} as exactly_once_row_hash
    from deduplicate_tied
),

deduplicate_first_of_tied as (
    select * from deduplicate_hashed
    qualify row_number() over (
        partition by {{ key_values | join(', ') }}
        order by exactly_once_row_hash asc
    ) = 1
),

deduplicate_kept as (
    select
        {{ every_column }}
    from deduplicate_alone
    union all
    select
        {{ every_column }}
    from deduplicate_first_of_tied
    {%- if nulls == 'keep' %}
    union all
    select
        {{ every_column }}
    from {{ relation }}
    where ({{ predicate }}) and not {{ has_key }}
    {%- endif %}
)

select * from deduplicate_kept
{%- endmacro %}


{% macro _deduplicate_argument(name, relation) %}
    {#- The argument as errors name it. -#}
    {{- return('argument ' ~ name ~ ' of the macro deduplicate on ' ~ relation) -}}
{% endmacro %}


{% macro _deduplicated_columns(relation, columns) %}
    {#- [{name, type, sql}], as the warehouse has them, or as given. -#}
    {%- if columns is none -%}
        {{- return(exactly_once._tested_columns(exactly_once._deduplicate_argument('relation', relation), relation)) -}}
    {%- endif -%}
    {%- set found = [] -%}
    {%- for column in columns -%}
        {%- if column is not mapping or column.get('name') is not string or column.get('type') is not string -%}
            {%- do exactly_once._refuse(
                exactly_once._deduplicate_argument('columns', relation), column, 'a list of {name, type}', 'Correct this entry.'
            ) -%}
        {%- endif -%}
        {%- do found.append(dict(column, sql=column.get('sql') or exactly_once._given_name(column.name))) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}


{% macro _given_name(name) %}
    {{- return(adapter.dispatch('_given_name', 'exactly_once')(name)) -}}
{% endmacro %}


{% macro default___given_name(name) %}
    {{- return(adapter.quote(name)) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/identifiers-syntax: quotes would ask for lower case -#}
{% macro snowflake___given_name(name) %}
    {{- return(exactly_once._name_as_written(name)) -}}
{% endmacro %}


{% macro _deduplicated_key(relation, key, columns) %}
    {#- The columns of the key: [{name, type, sql, normalize, cast}]. -#}
    {%- set what = exactly_once._deduplicate_argument('key', relation) -%}
    {%- set keys = [] -%}
    {%- for entry in exactly_once._key_columns(what, [key] if key is string or key is mapping else key) -%}
        {%- set column = dict(
            exactly_once._tested_column(what, entry.name, columns), normalize=entry.normalize, cast=entry.cast
        ) -%}
        {%- set type = column.cast or column.type -%}
        {%- if exactly_once.type_family(type) in ('float', 'json') -%}
            {%- do exactly_once._refuse(
                what, column.name ~ ' of type ' ~ type, 'columns whose equal values are always written alike',
                'Leave it out, or give it a cast, such as {name: ' ~ column.name ~ ', cast: "decimal(18, 2)"}.'
            ) -%}
        {%- endif -%}
        {%- do keys.append(column) -%}
    {%- endfor -%}
    {{- return(keys) -}}
{% endmacro %}


{% macro _deduplicated_order(relation, order_by, keys, columns) %}
    {#- The columns of the order, row_hash apart: [{name, type, sql, direction}]. -#}
    {%- set what = exactly_once._deduplicate_argument('order_by', relation) -%}
    {%- set order = [] -%}
    {%- for entry in exactly_once._tested_list(what, order_by) -%}
        {%- set split = modules.re.match('^(.+?)\\s+(asc|desc)$', entry | string | trim, modules.re.IGNORECASE) -%}
        {%- set column = exactly_once._tested_column(what, split.group(1) if split else entry, columns) -%}
        {%- if exactly_once.type_family(column.type) == 'json' -%}
            {%- do exactly_once._refuse(
                what, column.name ~ ' of type ' ~ column.type, 'columns whose values have an order',
                'Leave it out: rows that tie are told apart by all of their columns.'
            ) -%}
        {%- endif -%}
        {%- do order.append(dict(column, direction=split.group(2) | lower if split else 'asc')) -%}
    {%- endfor -%}
    {%- set plain_keys = keys | rejectattr('cast') | rejectattr('normalize') | map(attribute='name') | list -%}
    {%- if not order | rejectattr('name', 'in', plain_keys) | list -%}
        {%- do exactly_once._refuse(
            what, order_by ~ ', which is the same in all rows of a key', 'columns that tell its rows apart',
            'Name what says which row came first, such as the time at which it was loaded.'
        ) -%}
    {%- endif -%}
    {{- return(order) -}}
{% endmacro %}
