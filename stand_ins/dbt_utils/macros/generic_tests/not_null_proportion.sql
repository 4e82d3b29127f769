{# An empty table has no proportion and passes. #}
{% test not_null_proportion(model, column_name, at_least, at_most=1.0, group_by_columns=[]) %}
    with proportions as (
        select
            {%- for name in group_by_columns %}
            {{ name }},
            {%- endfor %}
            count({{ column_name }}) * 1.0 / nullif(count(*), 0) as not_null_proportion
        from {{ model }}
        {%- if group_by_columns %}
        group by {{ group_by_columns | join(', ') }}
        {%- endif %}
    )

    select *
    from proportions
    where not_null_proportion < {{ at_least }} or not_null_proportion > {{ at_most }}
{% endtest %}
