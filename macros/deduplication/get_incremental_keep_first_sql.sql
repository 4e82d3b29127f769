{% macro get_incremental_keep_first_sql(arg_dict) %}
    {#-
        The incremental strategy keep_first: one MERGE that inserts events not seen before and replaces a copy
        by an earlier one. Taking the minimum makes it safe to repeat, to reorder and to run twice at once.
        The source of the MERGE has one row per event_fingerprint.
    -#}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set target_columns = arg_dict['dest_columns'] | map(attribute='name') | list -%}
    {%- set quoted = [] -%}
    {%- for name in target_columns -%}{%- do quoted.append(adapter.quote(name)) -%}{%- endfor %}
    merge into {{ arg_dict['target_relation'] }} as kept
    using {{ arg_dict['temp_relation'] }} as arrived
    on
        kept.event_fingerprint = arrived.event_fingerprint
        and {{ exactly_once.same_event_times(arg_dict['temp_relation'], alias='kept') }}
    when matched and {{ exactly_once.precedes(columns, 'arrived', 'kept') }} then update set
        {% for name in quoted -%}
            {{ name }} = arrived.{{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    when not matched then insert ({{ quoted | join(', ') }})
    values ({% for name in quoted %}arrived.{{ name }}{{ ', ' if not loop.last }}{% endfor %})
{% endmacro %}
