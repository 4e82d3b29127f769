{# A group that only one table has differs. tolerance and tolerance_percent are for numbers. #}
{% test expect_table_aggregation_to_equal_other_table(
    model, expression, compare_model, compare_expression=none, group_by=none,
    compare_group_by=none, row_condition=none, compare_row_condition=none, tolerance=0.0,
    tolerance_percent=none
) %}
    {%- set group_columns = group_by or [] -%}
    {%- set compare_columns = compare_group_by or group_columns -%}

    with both_sides as (
        select
            {%- for column in group_columns %}
            {{ column }} as group_{{ loop.index }},
            {%- endfor %}
            1 as is_model,
            {{ expression }} as side_value
        from {{ model }}
        {{ 'where ' ~ row_condition if row_condition }}
        {{ 'group by ' ~ group_columns | join(', ') if group_columns }}
        union all
        select
            {%- for column in compare_columns %}
            {{ column }} as group_{{ loop.index }},
            {%- endfor %}
            0 as is_model,
            {{ compare_expression or expression }} as side_value
        from {{ compare_model }}
        {{ 'where ' ~ compare_row_condition if compare_row_condition }}
        {{ 'group by ' ~ compare_columns | join(', ') if compare_columns }}
    ),

    compared as (
        select
            {%- for column in group_columns %}
            group_{{ loop.index }},
            {%- endfor %}
            count(*) as sides,
            max(case when is_model = 1 then side_value end) as model_value,
            max(case when is_model = 0 then side_value end) as compare_value
        from both_sides
        {%- for column in group_columns %}
        {{ 'group by ' if loop.first }}group_{{ loop.index }}{{ ',' if not loop.last }}
        {%- endfor %}
    )

    select *
    from compared
    where
        sides < 2
        or (model_value is null and compare_value is not null)
        or (model_value is not null and compare_value is null)
        {%- if tolerance_percent is not none %}
        or abs(model_value - compare_value) > {{ tolerance_percent }} * abs(compare_value)
        {%- elif tolerance > 0 %}
        or abs(model_value - compare_value) > {{ tolerance }}
        {%- else %}
        or model_value <> compare_value
        {%- endif %}
{% endtest %}
