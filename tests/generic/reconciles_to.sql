{% test reconciles_to(model, to, measure, to_measure=none, by=[]) %}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {#- Groups are matched by a second GROUP BY, in which NULLs are equal, rather than by a join. -#}
    {%- set sides = [] -%}
    {%- for relation, argument, name in [(model, 'measure', measure), (to, 'to_measure', to_measure or measure)] -%}
        {%- set columns = exactly_once._tested_columns(
            exactly_once._test_argument('reconciles_to', model, 'model' if loop.first else 'to'), relation
        ) -%}
        {%- set what = exactly_once._test_argument('reconciles_to', model, argument) -%}
        {%- set measured = exactly_once._tested_column(what, name, columns, ['integer', 'decimal', 'float']) -%}
        {%- set groups = [] -%}
        {%- set what = exactly_once._test_argument('reconciles_to', model, 'by') ~ (', in ' ~ to if not loop.first else '') -%}
        {%- for group in exactly_once._tested_list(what, by) -%}
            {%- do groups.append(exactly_once._tested_column(what, group, columns).sql) -%}
        {%- endfor -%}
        {#- decimals of one scale are compared exactly, whatever the types of the two sums -#}
        {%- set total = 'coalesce(sum(' ~ measured.sql ~ '), 0)' -%}
        {%- set is_float = exactly_once.type_family(measured.type) == 'float' -%}
        {%- do sides.append({
            'relation': relation, 'groups': groups, 'total': total if is_float else 'cast(' ~ total ~ ' as decimal(38, 6))'
        }) -%}
    {%- endfor -%}
    {%- set numbers = range(1, sides[0].groups | length + 1) %}

    with sums as (
        {%- for side in sides %}
        select
            {%- for group in side.groups %}
            {{ group }} as group_{{ loop.index }},
            {%- endfor %}
            {{ side.total if loop.first else 'null' }} as sum_in_model,
            {{ 'null' if loop.first else side.total }} as sum_in_to
        from {{ side.relation }}
        {{ 'group by ' ~ side.groups | join(', ') if side.groups }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ),

    compared as (
        select
            {%- for number in numbers %}
            group_{{ number }},
            {%- endfor %}
            max(sum_in_model) as sum_in_model,
            max(sum_in_to) as sum_in_to,
            coalesce(max(sum_in_model), 0) - coalesce(max(sum_in_to), 0) as difference
        from sums
        {%- for number in numbers %}
        {{ 'group by ' if loop.first }}group_{{ number }}{{ ',' if not loop.last }}
        {%- endfor %}
    )

    select
        {%- for group in sides[0].groups %}
        group_{{ loop.index }} as {{ group }},
        {%- endfor %}
        sum_in_model,
        sum_in_to,
        difference
    from compared
    where
        sum_in_model is null
        or sum_in_to is null
        or abs(difference) >= 0.005
{% endtest %}
