{# On a column, the expression goes on from the column's name: '>= 0'. #}
{% test expression_is_true(model, expression, column_name=none) %}
    select *
    from {{ model }}
    where not ({{ column_name if column_name is not none }} {{ expression }})
{% endtest %}
