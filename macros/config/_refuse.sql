{% macro _refuse(what, found, accepted, remedy) %}
    {#- The one shape of every error: the thing, what was found, what is accepted, what to do. -#}
    {%- do exceptions.raise_compiler_error(
        '[exactly_once] ' ~ what ~ ': found ' ~ found ~ '; accepted: ' ~ accepted ~ '. ' ~ remedy
    ) -%}
{% endmacro %}
