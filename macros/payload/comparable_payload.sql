{% macro comparable_payload(payload, paths) %}
    {#-
        The payload as text without what is volatile, for a first comparison: equal texts differ in nothing that
        counts, unequal ones may. `paths` are those of volatile_paths. A payload that is no JSON object stays as it
        is, and so does one that the engine's JSON functions would round, or read though it is malformed or has a key
        twice. NULL is the empty text.
    -#}
    {{- return(adapter.dispatch('comparable_payload', 'exactly_once')(payload, exactly_once._volatile_tree(paths))) -}}
{% endmacro %}


{% macro default__comparable_payload(payload, tree) %}
    {%- do exactly_once._refuse_engine('comparable_payload') -%}
{% endmacro %}


{#-
    A merge patch takes members out, puts an object where there was none, and drops all but the first of equal keys:
    so what is on the way must be objects, each of its keys once. Mostly it is, and one constant patch does.
-#}
{% macro duckdb__comparable_payload(payload, tree) %}
    {%- set whole = exactly_once.whole_payload(payload) -%}
    {%- if not tree -%}{{- return(whole) -}}{%- endif -%}
    {%- set is_json = exactly_once.type_family(payload.type) in ('json', 'text') -%}
    {%- set json = payload.sql if is_json else 'to_json(' ~ payload.sql ~ ')' -%}
    {%- set objects = exactly_once._objects_on_the_way(tree, '$') -%}
    {#- the keys of each object, none for another value, NULL where there is nothing; parsed once where all is well -#}
    {%- set keys = 'try(json_keys(' ~ json ~ ', ' ~ objects ~ '))' -%}
    {%- set is_each_once = '[len(k) > 0 and len(k) = list_unique(k) for k in ' ~ keys ~ ']' -%}
    {%- set is_any_twice = 'list_contains([len(k) > list_unique(k) for k in ' ~ keys ~ '], true)' -%}
    {%- set all_true = '[' ~ (['true'] * (objects | length)) | join(', ') ~ ']' -%}
    {{- return(
        'case\n'
        ~ '    when ' ~ exactly_once._is_read_loosely(json) ~ ' then ' ~ whole ~ '\n'
        ~ '    when ' ~ is_each_once ~ ' = ' ~ all_true ~ '\n'
        ~ '        then cast(json_merge_patch(' ~ json ~ ", '" ~ exactly_once._constant_patch(tree) ~ "') as varchar)\n"
        ~ '    when not json_valid(' ~ json ~ ') then ' ~ whole ~ '\n'
        ~ '    when json_type(' ~ json ~ ") = 'OBJECT' and not " ~ is_any_twice ~ '\n'
        ~ '        then cast(json_merge_patch(' ~ json ~ ', ' ~ exactly_once._fitting_patch(tree, json, '$') ~ ') as varchar)\n'
        ~ '    else ' ~ whole ~ '\n'
        ~ 'end'
    ) -}}
{% endmacro %}


{% macro _objects_on_the_way(tree, json_path) %}
    {%- set found = [json_path] -%}
    {%- for name, below in tree.items() if below != 'value' -%}
        {%- set deeper = json_path ~ '."' ~ name ~ '"' -%}
        {%- do found.extend([deeper] if below == 'members' else exactly_once._objects_on_the_way(below, deeper)) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}


{% macro _constant_patch(tree) %}
    {%- set members = [] -%}
    {%- for name, below in tree.items() -%}
        {%- do members.append('"' ~ name ~ '":' ~ (exactly_once._constant_patch(below) if below is mapping else 'null')) -%}
    {%- endfor -%}
    {{- return('{' ~ members | join(',') ~ '}') -}}
{% endmacro %}


{% macro _fitting_patch(tree, json, json_path) %}
    {#- The patch for this payload, as SQL: without what is no object there. -#}
    {%- set members = [] -%}
    {%- for name, below in tree.items() -%}
        {%- set deeper = json_path ~ '."' ~ name ~ '"' -%}
        {%- set member = "'\"" ~ name ~ "\":' || " ~ (
            exactly_once._fitting_patch(below, json, deeper) if below is mapping else "'null'"
        ) -%}
        {%- if below != 'value' -%}
            {%- set member = 'case when json_type(' ~ json ~ ", '" ~ deeper ~ "') = 'OBJECT' then " ~ member ~ ' end' -%}
        {%- endif -%}
        {%- do members.append(member) -%}
    {%- endfor -%}
    {{- return("'{' || concat_ws(',', " ~ members | join(', ') ~ ") || '}'") -}}
{% endmacro %}


{% macro _is_read_loosely(text) %}
    {#- Whether the engine would read another value than the text of a payload has. -#}
    {{- return(adapter.dispatch('_is_read_loosely', 'exactly_once')(text)) -}}
{% endmacro %}


{% macro default___is_read_loosely(text) %}
    {%- do exactly_once._refuse_engine('comparable_payload') -%}
{% endmacro %}


{#- Parsing would round a long number, and takes what is no JSON: NaN, Infinity, undefined, a comma too many. -#}
{% macro snowflake___is_read_loosely(text) %}
    {{- return(
        'regexp_like(' ~ text ~ ", '.*([0-9][0-9.]{14,}[0-9eE]|[:,[][[:space:]]*-?([0-9.]+e[+-]?[0-9]{3}|nan|inf|undef)"
        ~ "|,[[:space:]]*[]},]).*', 'si')"
    ) -}}
{% endmacro %}


{% macro duckdb___is_read_loosely(json) %}
    {#-
        Whether DuckDB's JSON functions would round a number of the payload (more than 15 digits and a point or an
        exponent, or an exponent of three digits), or read it though it is no JSON (NaN, Infinity, a comma too many).
        Looked for behind the colon of a member, and in arrays if there are any; each character by a pattern of its
        own, since a pattern that begins with one character is found twice as fast.
    -#}
    {%- set value = '\\s*-?([0-9]{12,}[.eE]|[0-9]{5,}[.][0-9]{5}|[0-9]+[.][0-9]{12}|[0-9]+[.][0-9]{5,}[eE]'
        ~ '|[0-9.]+[eE][+-]?[0-9]{3}|[nN][aA][nN]|[iI][nN][fF])' -%}
    {%- set found = [] -%}
    {%- for before in [':', ',', '\\['] -%}
        {%- do found.append('regexp_matches(' ~ json ~ ", '" ~ before ~ value ~ "')") -%}
    {%- endfor -%}
    {{- return(
        '(' ~ found[0] ~ ' or regexp_matches(' ~ json ~ ", ',\\s*[}\\]]')"
        ~ ' or (contains(' ~ json ~ ", '[') and (" ~ found[1:] | join(' or ') ~ ')))'
    ) -}}
{% endmacro %}


{#-
    A VARIANT holds its numbers already. https://docs.snowflake.com/en/sql-reference/functions/object_insert leaves
    out what is NULL.
-#}
{% macro snowflake__comparable_payload(payload, tree) %}
    {%- set whole = exactly_once.whole_payload(payload) -%}
    {%- if not tree -%}{{- return(whole) -}}{%- endif -%}
    {%- set json = payload.sql -%}
    {%- set is_object = namespace(sql='typeof(' ~ json ~ ") = 'OBJECT'") -%}
    {%- if exactly_once.type_family(payload.type) == 'text' -%}
        {%- set json = 'try_parse_json(' ~ payload.sql ~ ')' -%}
        {%- set is_object.sql = 'typeof(' ~ json ~ ") = 'OBJECT' and not " ~ exactly_once._is_read_loosely(payload.sql) -%}
    {%- endif -%}
    {{- return(
        'case when ' ~ is_object.sql ~ ' then to_json(' ~ exactly_once._without_volatile(tree, json) ~ ') else '
        ~ whole ~ ' end'
    ) -}}
{% endmacro %}


{% macro _without_volatile(tree, object) %}
    {%- set rest = namespace(sql=object) -%}
    {%- for name, below in tree.items() -%}
        {%- if below == 'value' -%}
            {%- set rest.sql = 'object_delete(' ~ rest.sql ~ ", '" ~ name ~ "')" -%}
        {%- else -%}
            {%- set member = 'get_path(' ~ object ~ ", '[\"" ~ name ~ "\"]')" -%}
            {%- set rest.sql = 'object_insert(' ~ rest.sql ~ ", '" ~ name ~ "', case when typeof(" ~ member
                ~ ") = 'OBJECT' then " ~ ('null' if below == 'members' else exactly_once._without_volatile(below, member))
                ~ ' else ' ~ member ~ ' end, true)' -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(rest.sql) -}}
{% endmacro %}
