{% test conserves_rows(model, source, removed=none, source_where='true', removed_where='true') %}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {%- do exactly_once._tested_columns(exactly_once._test_argument('conserves_rows', model, 'model'), model) -%}
    {%- do exactly_once._tested_columns(exactly_once._test_argument('conserves_rows', model, 'source'), source) -%}
    {%- if removed is not none -%}
        {%- do exactly_once._tested_columns(exactly_once._test_argument('conserves_rows', model, 'removed'), removed) -%}
    {%- elif removed_where != 'true' -%}
        {%- do exactly_once._refuse(
            exactly_once._test_argument('conserves_rows', model, 'removed_where'), removed_where ~ ' without removed',
            'a condition on the relation removed', 'Give removed too, or leave removed_where out.'
        ) -%}
    {%- endif %}

    with counted as (
        select
            (select count(*) from {{ model }}) as model_rows,
            {% if removed is none -%}
            0 as removed_rows,
            {% else -%}
            (select count(*) from {{ removed }} where {{ removed_where }}) as removed_rows,
            {% endif -%}
            (select count(*) from {{ source }} where {{ source_where }}) as source_rows
    )

    select
        model_rows,
        removed_rows,
        source_rows
    from counted
    where model_rows + removed_rows <> source_rows
{% endtest %}
