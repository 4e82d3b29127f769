{% macro get_incremental_keep_first_sql(arg_dict) %}
    {#-
        The incremental strategy keep_first: one MERGE that inserts events not seen before and replaces a copy
        by an earlier one. Taking the minimum makes it safe to repeat, to reorder and to run twice at once.
        The source of the MERGE has one row per event_fingerprint.
        A model of another relation than the source says in its config which columns play which part, as relation_columns
        takes them: meta={'keep_first': {'key': [..], 'event_time': '..', 'arrival_time': '..'}}.
    -#}
    {%- set parts = config.get('meta', {}).get('keep_first') -%}
    {%- set columns = exactly_once.relation_columns(arg_dict['target_relation'], **parts) if parts else exactly_once.source_columns() -%}
    {%- set arrived = arg_dict['temp_relation'] -%}
    {#- told apart, since an engine may read the whole target for the sake of one such event -#}
    {%- set are_complete = run_query('select count(*) from ' ~ arrived ~ ' where not has_complete_key').rows[0][0] == 0 -%}
    {%- set is_in_reach = exactly_once.event_time_ranges(arrived, alias='kept', columns=columns) if are_complete
        else exactly_once.same_event_times(arrived, alias='kept', columns=columns) -%}
    {%- set target_columns = arg_dict['dest_columns'] | map(attribute='name') | list -%}
    {%- set quoted = [] -%}
    {%- for name in target_columns -%}{%- do quoted.append(adapter.quote(name)) -%}{%- endfor %}
    merge into {{ arg_dict['target_relation'] }} as kept
    using {{ arrived }} as arrived
    on
        kept.event_fingerprint = arrived.event_fingerprint
        and {{ is_in_reach }}
    when matched and {{ exactly_once.precedes(columns, 'arrived', 'kept') }} then update set
        {% for name in quoted -%}
            {{ name }} = arrived.{{ name }}{{ ',' if not loop.last }}
        {% endfor %}
    when not matched then insert ({{ quoted | join(', ') }})
    values ({% for name in quoted %}arrived.{{ name }}{{ ', ' if not loop.last }}{% endfor %})
{% endmacro %}
