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


{% macro _detection_command(incident_id, window_of=none) %}
    {#- With the window, where one is known: of itself a detection takes the one with the most copies. -#}
    {%- set window = exactly_once._window_of(window_of or incident_id) -%}
    {{- return(
        "dbt build --selector detection --vars '{incident_id: " ~ exactly_once._typed_id(incident_id)
        ~ (', incident_start: "' ~ window[0] ~ '", incident_end: "' ~ window[1] ~ '"' if window else '') ~ "}'"
    ) -}}
{% endmacro %}


{% macro _window_of(incident_id) %}
    {#-
        [start, end] in UTC, or none: the window in force, else the one that was registered, which is generous. While an
        incident is decided, a wider window would take in copies that its repair leaves alone.
    -#}
    {%- set is_of_incident = ' where incident_id = ' ~ exactly_once.text_literal(incident_id) -%}
    {%- set scope = exactly_once.model_relation('incident_scope') -%}
    {%- if exactly_once._is_there(scope) -%}
        {%- for start, end in run_query(
            'select ' ~ exactly_once.epoch_micros('window_start') ~ ' as start_micros, '
            ~ exactly_once.epoch_micros('window_end') ~ ' as end_micros from ' ~ scope ~ is_of_incident
        ).rows -%}
            {{- return([exactly_once.time_from_micros(start), exactly_once.time_from_micros(end)]) -}}
        {%- endfor -%}
    {%- endif -%}
    {%- set register = exactly_once.model_relation('incident_register') -%}
    {%- set registered = run_query('select incident_start, incident_end from ' ~ register ~ is_of_incident).rows
        if exactly_once._is_there(register) else [] -%}
    {%- if registered | length == 1 -%}
        {%- set window = [] -%}
        {%- for time in registered[0] if time is not none -%}
            {%- do window.append(exactly_once._read_time(time).time) -%}
        {%- endfor -%}
        {%- if window | select | list | length == 2 and window[0] < window[1] -%}{{- return(window) -}}{%- endif -%}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _typed_id(incident_id) %}
    {#-
        An incident id as it is typed within the single quotes of --args or --vars: bare where YAML reads text in it,
        else in double quotes. A single quote ends those of the shell, is quoted itself, and begins them again.
    -#}
    {%- set id = incident_id | string -%}
    {%- set words = ['y', 'n', 'yes', 'no', 'on', 'off', 'true', 'false', 'null'] -%}
    {%- if modules.re.match('[A-Za-z][A-Za-z0-9_.-]*\\Z', id) and id | lower not in words -%}
        {{- return(id) -}}
    {%- endif -%}
    {%- set letters = [] -%}
    {%- for letter in id -%}
        {#- YAML reads these escapes as Python writes them -#}
        {%- do letters.append(
            letter if letter.isprintable() and letter != '\\' else letter.encode('unicode_escape').decode()
        ) -%}
    {%- endfor -%}
    {{- return('"' ~ letters | join | replace('"', '\\"') | replace("'", "'\"'\"'") ~ '"') -}}
{% endmacro %}
