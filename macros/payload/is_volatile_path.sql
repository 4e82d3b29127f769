{% macro is_volatile_path(path, paths) %}
    {#- A predicate on a path as payload_leaves writes it: it is one that volatile_paths gives, or below one. -#}
    {%- set found = [] -%}
    {%- for volatile in paths -%}
        {%- set name = volatile.names | join('.') -%}
        {%- if not volatile.is_members -%}
            {%- do found.append(path ~ ' = ' ~ exactly_once.text_literal(name)) -%}
        {%- endif -%}
        {%- for sign in (['.'] if volatile.is_members else ['.', '[']) -%}
            {%- do found.append(
                'substr(' ~ path ~ ', 1, ' ~ (name | length + 1) ~ ') = ' ~ exactly_once.text_literal(name ~ sign)
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return('(' ~ found | join(' or ') ~ ')' if found else 'false') -}}
{% endmacro %}
