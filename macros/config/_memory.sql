{% macro _known(what) %}
    {#-
        What has been found out in this invocation already, or none: the same for every node of a package, and asked
        for dozens of times. The graph is the one thing that dbt's nodes share; a unit test, which has vars of its own,
        has no nodes in it.
    -#}
    {{- return(graph.exactly_once.get(exactly_once._memory_key(what)) if execute and graph.exactly_once is defined else none) -}}
{% endmacro %}


{% macro _remember(what, found) %}
    {%- if execute and graph.nodes is defined and flags.WHICH != 'parse' -%}
        {%- if graph.exactly_once is not defined -%}{%- do graph.update({'exactly_once': {}}) -%}{%- endif -%}
        {%- do graph.exactly_once.update({exactly_once._memory_key(what): found}) -%}
    {%- endif -%}
    {{- return(found) -}}
{% endmacro %}


{% macro _memory_key(what) %}
    {#- vars are those of the node's package -#}
    {{- return((what, invocation_id, model.package_name if model is defined and model else '')) -}}
{% endmacro %}
