{% macro get_incremental_merge_or_delete_sql(arg_dict) %}
    {#-
        The incremental strategy merge_or_delete: dbt's merge that also deletes, in the same statement, so that
        no reader sees a row that is about to go. The model says which rows those are, over its own columns, in
        its config: meta={'deleted_when': 'row_count = 0'}.
    -#}
    {%- set deleted_when = config.get('meta', {})['deleted_when'] -%}
    {%- set unique_key = arg_dict['unique_key'] -%}
    {%- set is_same = [] -%}
    {%- for key in ([unique_key] if unique_key is string else unique_key) -%}
        {%- do is_same.append('stored.' ~ key ~ ' = computed.' ~ key) -%}
    {%- endfor -%}
    {%- set quoted = [] -%}
    {%- for column in arg_dict['dest_columns'] -%}{%- do quoted.append(adapter.quote(column.name)) -%}{%- endfor %}
    merge into {{ arg_dict['target_relation'] }} as stored
    using (
        select *, {{ deleted_when }} as is_deleted from {{ arg_dict['temp_relation'] }}
    ) as computed
    on {{ is_same | join(' and ') }}
    when matched and computed.is_deleted then delete
    when matched then update set
        {% for name in quoted -%}
            {{ name }} = computed.{{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    when not matched and not computed.is_deleted then insert ({{ quoted | join(', ') }})
    values ({% for name in quoted %}computed.{{ name }}{{ ', ' if not loop.last }}{% endfor %})
{% endmacro %}
