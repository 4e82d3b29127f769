{#- dbt looks for an incremental strategy in the project of the model. -#}
{% macro get_incremental_merge_and_mark_sql(arg_dict) %}
    {{- return(exactly_once.get_incremental_merge_and_mark_sql(arg_dict)) -}}
{% endmacro %}
