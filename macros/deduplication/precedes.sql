{% macro precedes(columns, left, right) %}
    {#- Whether the copy `left` comes before the copy `right` in survivor order; NULLs come last. -#}
    {%- set ordered = [columns.arrival_time.sql] -%}
    {%- if columns.event_id -%}{%- do ordered.append(columns.event_id.sql) -%}{%- endif -%}
    {%- do ordered.append('row_hash') -%}
    {%- set earlier = [] -%}
    {%- set equal = [] -%}
    {%- for column in ordered -%}
        {%- set l, r = left ~ '.' ~ column, right ~ '.' ~ column -%}
        {%- set less = l ~ ' < ' ~ r if column == 'row_hash' else '(' ~ l ~ ' < ' ~ r ~ ' or (' ~ l ~ ' is not null and ' ~ r ~ ' is null))' -%}
        {%- do earlier.append('(' ~ (equal + [less]) | join(' and ') ~ ')') -%}
        {%- do equal.append(l ~ ' is not distinct from ' ~ r) -%}
    {%- endfor -%}
    {{- return('(\n    ' ~ earlier | join('\n    or ') ~ '\n)') -}}
{% endmacro %}
