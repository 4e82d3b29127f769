{% test exactly_once(model, key=none, time_column=none, lookback_hours=none, column_name=none) %}
    {#- Narrow rows are counted by key: neither a window function nor a payload. -#}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {%- set columns = exactly_once._tested_columns(exactly_once._test_argument('exactly_once', model, 'model'), model) -%}
    {%- set what = exactly_once._test_argument('exactly_once', model, 'key') -%}
    {%- set names = exactly_once._tested_list(what, key if key is not none else column_name) -%}
    {%- set parts = [] -%}
    {%- for name in names -%}
        {%- set part = exactly_once._tested_column(what, name, columns).sql -%}
        {%- if part in parts -%}
            {%- do exactly_once._refuse(what, name ~ ' twice', 'each column once', 'Leave one of them out.') -%}
        {%- endif -%}
        {%- do parts.append(part) -%}
    {%- endfor -%}
    {%- if not parts -%}
        {%- do exactly_once._refuse(what, 'no column', 'a column, or a list of columns', 'Name the columns of the key.') -%}
    {%- endif %}

    select
        {{ parts | join(', ') }},
        count(*) as rows_of_key
    from {{ model }}
    where
        {{ parts | join(' is not null and ') }} is not null
        and {{ exactly_once._is_within_lookback(model, columns, time_column, lookback_hours) }}
    group by {{ parts | join(', ') }}
    having count(*) > 1
{% endtest %}
