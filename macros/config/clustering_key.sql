{% macro clustering_key() %}
    {#-
        What a table of events is clustered by on Snowflake: the hour of event time, by which it is searched, with the
        events whose key is incomplete apart, which are looked for in every hour; or what exactly_once__clustering_key
        says. The bare time would have too many values.
        https://docs.snowflake.com/en/user-guide/tables-clustering-keys
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if settings.clustering_key is not none -%}{{- return(settings.clustering_key or none) -}}{%- endif -%}
    {#- the columns can't be looked up while the project is parsed -#}
    {%- set column = exactly_once._name_as_written(settings.event_time_column) -%}
    {{- return("has_complete_key, date_trunc('hour', " ~ column ~ ')') -}}
{% endmacro %}


{% macro _name_as_written(name) %}
    {#- A name in one case stands for any case; another needs quotes. -#}
    {{- return(name if modules.re.match('^([a-z_][a-z0-9_]*|[A-Z_][A-Z0-9_]*)$', name) else adapter.quote(name)) -}}
{% endmacro %}
