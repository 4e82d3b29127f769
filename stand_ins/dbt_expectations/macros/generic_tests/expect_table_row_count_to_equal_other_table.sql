{# The model must have factor times as many rows as the other table, in each group. #}
{% test expect_table_row_count_to_equal_other_table(
    model, compare_model, group_by=none, compare_group_by=none, factor=none, row_condition=none,
    compare_row_condition=none
) %}
    {%- set group_columns = group_by or [] -%}
    {%- set compare_columns = compare_group_by or group_columns -%}

    with both_sides as (
        select
            {%- for column in group_columns %}
            {{ column }} as group_{{ loop.index }},
            {%- endfor %}
            1 as model_row,
            0 as compare_row
        from {{ model }}
        {{ 'where ' ~ row_condition if row_condition }}
        union all
        select
            {%- for column in compare_columns %}
            {{ column }} as group_{{ loop.index }},
            {%- endfor %}
            0 as model_row,
            1 as compare_row
        from {{ compare_model }}
        {{ 'where ' ~ compare_row_condition if compare_row_condition }}
    )

    select
        {%- for column in group_columns %}
        group_{{ loop.index }},
        {%- endfor %}
        sum(model_row) as model_rows,
        sum(compare_row) as compare_rows
    from both_sides
    {%- for column in group_columns %}
    {{ 'group by ' if loop.first }}group_{{ loop.index }}{{ ',' if not loop.last }}
    {%- endfor %}
    having sum(model_row) <> sum(compare_row) * {{ factor or 1 }}
{% endtest %}
