{% macro impact_dimensions() %}
    {#-
        The dimensions of incident_impact_by_dimension, as [{name, sql}]: a column of the source by that name, else
        the path of the payload. A source that has neither leaves it out.
    -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set dimensions = [] -%}
    {%- for name in exactly_once.settings().impact_dimensions -%}
        {%- set alike = [] -%}
        {%- for column in columns.all if column.name | lower == name | lower -%}{%- do alike.append(column) -%}{%- endfor -%}
        {%- set column = (alike | selectattr('name', 'equalto', name) | list + alike) | first -%}
        {%- if column -%}
            {#- the text of a time by a cast is as the session has it -#}
            {%- set is_time = exactly_once.type_family(column.type) in ('timestamp', 'timestamp_tz') -%}
            {%- do dimensions.append({
                'name': name,
                'sql': exactly_once.minute_text(exactly_once.utc_timestamp(column)) if is_time
                    else exactly_once.canonical_text(column.sql, column.type)
            }) -%}
        {%- elif columns.payload is not none -%}
            {#- incident_root_cause writes the payload's name before the path -#}
            {%- set path = modules.re.sub('(?i)^' ~ modules.re.escape(columns.payload.name) ~ '[.]', '', name) -%}
            {%- do dimensions.append({'name': name, 'sql': exactly_once.payload_text(columns.payload, path)}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(dimensions) -}}
{% endmacro %}
