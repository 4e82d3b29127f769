{# ignore_row_if leaves rows out; 'any_value_is_missing' hides duplicates that hold a NULL. #}
{% test expect_compound_columns_to_be_unique(
    model, column_list, quote_columns=false, ignore_row_if='all_values_are_missing',
    row_condition=none
) %}
    {%- set between_columns = {
        'all_values_are_missing': ' or ',
        'any_value_is_missing': ' and ',
    } -%}
    {%- if ignore_row_if not in between_columns -%}
        {%- do exceptions.raise_compiler_error(
            "expect_compound_columns_to_be_unique: ignore_row_if is '" ~ ignore_row_if
            ~ "'; it takes " ~ between_columns | join(', ') ~ '.'
        ) -%}
    {%- endif -%}
    {%- set names = [] -%}
    {%- set present = [] -%}
    {%- for column in column_list -%}
        {%- set name = adapter.quote(column) if quote_columns else column -%}
        {%- do names.append(name) -%}
        {%- do present.append(name ~ ' is not null') -%}
    {%- endfor %}

    select
        {{ names | join(', ') }},
        count(*) as row_count
    from {{ model }}
    where
        ({{ present | join(between_columns[ignore_row_if]) }})
        {{ 'and (' ~ row_condition ~ ')' if row_condition }}
    group by {{ names | join(', ') }}
    having count(*) > 1
{% endtest %}
