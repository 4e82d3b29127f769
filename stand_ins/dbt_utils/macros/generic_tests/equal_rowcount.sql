{% test equal_rowcount(model, compare_model, group_by_columns=[]) %}
    {%- set group_columns = group_by_columns | join(', ') -%}

    with both_sides as (
        select
            {{ group_columns ~ ',' if group_columns }}
            1 as model_row,
            0 as compare_row
        from {{ model }}
        union all
        select
            {{ group_columns ~ ',' if group_columns }}
            0 as model_row,
            1 as compare_row
        from {{ compare_model }}
    )

    select
        {{ group_columns ~ ',' if group_columns }}
        sum(model_row) as model_rows,
        sum(compare_row) as compare_rows
    from both_sides
    {{ 'group by ' ~ group_columns if group_columns }}
    having sum(model_row) <> sum(compare_row)
{% endtest %}
