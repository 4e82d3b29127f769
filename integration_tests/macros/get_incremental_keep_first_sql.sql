{#- dbt looks for an incremental strategy in the project of the model. -#}
{% macro get_incremental_keep_first_sql(arg_dict) %}
    {{- return(exactly_once.get_incremental_keep_first_sql(arg_dict)) -}}
{% endmacro %}
