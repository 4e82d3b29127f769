{% macro _log_table(headers, rows, text_columns=1) %}
    {#- Logs rows under their headers; the columns after the first few are numbers, aligned to the right. -#}
    {%- set columns = [] -%}
    {%- for header in headers -%}
        {%- set place = loop.index0 -%}
        {%- set texts = [] -%}
        {%- for row in rows -%}{%- do texts.append(exactly_once._readable(row[place])) -%}{%- endfor -%}
        {%- set widest = texts | map('length') | list + [header | length] -%}
        {%- do columns.append({
            'header': header, 'texts': texts, 'width': widest | max,
            'align': '<' if loop.index <= text_columns else '>'
        }) -%}
    {%- endfor -%}
    {%- for number in range(-1, rows | length) -%}
        {%- set cells = [] -%}
        {%- for column in columns -%}
            {%- set text = column.header if number < 0 else column.texts[number] -%}
            {%- do cells.append(('{:' ~ column.align ~ column.width ~ '}').format(text)) -%}
        {%- endfor -%}
        {%- do log(('  ' ~ cells | join('  ')).rstrip(), info=true) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _readable(value) %}
    {#- A number with its thousands apart, none as (none), text as it is. -#}
    {%- if value is none -%}{{- return('(none)') -}}{%- endif -%}
    {{- return('{:,}'.format(value) if value is number else value | string) -}}
{% endmacro %}


{% macro _readable_bytes(count) %}
    {%- set sizes = [('TB', 1e12), ('GB', 1e9), ('MB', 1e6), ('kB', 1e3)] -%}
    {%- for unit, size in sizes if count >= size -%}
        {{- return('{:,.1f} {}'.format(count / size, unit)) -}}
    {%- endfor -%}
    {{- return('{:,.0f} B'.format(count)) -}}
{% endmacro %}
