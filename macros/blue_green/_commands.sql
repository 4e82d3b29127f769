{% macro _verb_command(verb, incident_id, further=none) %}
    {#- `further` are arguments beside the incident, as YAML. -#}
    {{- return(
        'dbt run-operation ' ~ verb ~ " --args '{incident_id: " ~ exactly_once._typed_id(incident_id)
        ~ (', ' ~ further if further else '') ~ "}'"
    ) -}}
{% endmacro %}


{% macro _build_command(incident_id) %}
    {{- return(
        "dbt build --selector remediation --vars '{exactly_once__build_candidate: true, incident_id: "
        ~ exactly_once._typed_id(incident_id) ~ "}'"
    ) -}}
{% endmacro %}


{% macro _typed_id(incident_id) %}
    {#-
        An incident id as it is typed within the single quotes of --args or --vars: bare where YAML reads a text in it,
        else as a string in double quotes. A single quote ends those of the shell, is quoted itself, and begins them again.
    -#}
    {%- set id = incident_id | string -%}
    {%- set words = ['y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null'] -%}
    {%- if modules.re.match('[A-Za-z][A-Za-z0-9_.-]*\\Z', id) and id | lower not in words -%}{{- return(id) -}}{%- endif -%}
    {%- set letters = [] -%}
    {%- for letter in id -%}
        {#- YAML reads these escapes as Python writes them -#}
        {%- do letters.append(
            letter if letter.isprintable() and letter != '\\' else letter.encode('unicode_escape').decode()
        ) -%}
    {%- endfor -%}
    {{- return('"' ~ letters | join | replace('"', '\\"') | replace("'", "'\"'\"'") ~ '"') -}}
{% endmacro %}
