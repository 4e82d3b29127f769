{% test expect_column_value_lengths_to_equal(model, column_name, value, row_condition=none) %}
    select *
    from {{ model }}
    where
        length({{ column_name }}) <> {{ value }}
        {{ 'and (' ~ row_condition ~ ')' if row_condition }}
{% endtest %}
