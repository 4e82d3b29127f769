{% macro relation_columns(relation, key, event_time, arrival_time, event_id=none) %}
    {#-
        The columns of a relation and the part each one plays, for macros that take `columns`:
        {all: [{name, type, sql}], relation, key: [...], event_time, arrival_time, event_id}. As source_columns, which
        knows the parts from vars.
    -#}
    {%- set names = {'event_time': event_time, 'arrival_time': arrival_time, 'event_id': event_id} -%}
    {%- set what = 'argument {} of the macro relation_columns on ' ~ relation -%}
    {%- set found = {'relation': relation, 'all': [], 'key': []} -%}
    {%- if execute -%}
        {%- do found.update({'all': exactly_once._tested_columns(what.replace('{}', 'relation'), relation)}) -%}
    {%- endif -%}
    {%- for column in exactly_once._key_columns(what.replace('{}', 'key'), key) -%}
        {%- set entry = exactly_once._column_of(what.replace('{}', 'key'), column.name, found.all) -%}
        {%- do found.key.append(dict(entry, normalize=column.normalize, cast=column.cast)) -%}
    {%- endfor -%}
    {%- for part, name in names.items() -%}
        {%- set families = ['timestamp', 'timestamp_tz'] if part.endswith('time') else none -%}
        {%- do found.update({
            part: none if name is none and part == 'event_id'
            else exactly_once._column_of(what.replace('{}', part), name, found.all, families)
        }) -%}
    {%- endfor -%}
    {{- return(found) -}}
{% endmacro %}


{% macro _column_of(what, name, columns, families=none) %}
    {%- if not execute -%}{{- return({'name': name, 'type': 'VARCHAR', 'sql': adapter.quote(name)}) -}}{%- endif -%}
    {{- return(exactly_once._tested_column(what, name, columns, families)) -}}
{% endmacro %}
