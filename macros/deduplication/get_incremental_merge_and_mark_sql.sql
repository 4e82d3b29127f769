{% macro get_incremental_merge_and_mark_sql(arg_dict) %}
    {#-
        The incremental strategy merge_and_mark of curated models: dbt's merge, and in the same transaction the mark
        how far the relation has taken in arrivals. So nobody sees rows whose mark does not say so yet, nor the other
        way round. A model may say over its own columns which rows go, in its config: meta={'deleted_when':
        'row_count = 0'}. They are deleted in the same statement, so that no reader sees a row that is about to go.
        And a time of its unique_key by which a warehouse can prune the target: meta={'pruned_by': 'event_hour'}.
    -#}
    {%- set deleted_when = config.get('meta', {}).get('deleted_when', 'false') -%}
    {%- set unique_key = arg_dict['unique_key'] -%}
    {%- set is_same = [] -%}
    {%- for key in ([unique_key] if unique_key is string else unique_key) -%}
        {%- do is_same.append('stored.' ~ key ~ ' = computed.' ~ key) -%}
    {%- endfor -%}
    {%- set pruned_by = config.get('meta', {}).get('pruned_by') -%}
    {%- if pruned_by is not none -%}
        {%- do is_same.append(exactly_once._is_in_merged_hours(arg_dict, pruned_by, 'stored')) -%}
    {%- endif -%}
    {%- set quoted = [] -%}
    {%- for column in arg_dict['dest_columns'] -%}{%- do quoted.append(adapter.quote(column.name)) -%}{%- endfor -%}
    {%- set merge %}
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
    {%- endset -%}
    {{- exactly_once._in_one_transaction([merge, exactly_once._watermark_merge()]) -}}
{% endmacro %}


{% macro _is_in_merged_hours(arg_dict, name, alias) %}
    {#- A predicate on rows of the target: their time lies in an hour that rows to merge have, as literals, which prune. -#}
    {%- set unique_key = arg_dict['unique_key'] -%}
    {%- set times = [] -%}
    {%- for column in arg_dict['dest_columns'] if column.name | lower == name | lower
        and exactly_once.type_family(column.dtype) == 'timestamp' -%}
        {%- do times.append({'sql': name, 'type': column.dtype}) -%}
    {%- endfor -%}
    {%- if not times or name not in ([unique_key] if unique_key is string else unique_key) -%}
        {%- do exactly_once._refuse(
            "the config meta={'pruned_by': ..} of model " ~ model.name, name, 'a timestamp of its unique_key',
            'A row whose time differs from that of its stored one would be inserted beside it. Correct it, or leave it out.'
        ) -%}
    {%- endif -%}
    {%- set ranges = exactly_once._event_hour_ranges(
        'select ' ~ name ~ ' as event_time from ' ~ arg_dict['temp_relation'], times[0], alias
    ) -%}
    {{- return('(' ~ ranges | join(' or ') ~ ')' if ranges else 'false') -}}
{% endmacro %}


{% macro _in_one_transaction(statements) %}
    {#- Inside a model, where some adapters have begun a transaction by then and others have not. -#}
    {{- return(adapter.dispatch('_in_one_transaction', 'exactly_once')(statements)) -}}
{% endmacro %}


{% macro default___in_one_transaction(statements) %}
    {{- return(statements | join(';\n')) -}}
{% endmacro %}


{#-
    https://docs.snowflake.com/en/sql-reference/transactions: each statement commits by itself unless told otherwise.
    dbt undoes nothing after an error in between, and the first DDL of the session's next node would commit the rest.
-#}
{% macro snowflake___in_one_transaction(statements) %}
    {%- do exactly_once._note_transaction(true) -%}
    {{- return((['begin'] + statements + ['commit']) | join(';\n') ~ ';') -}}
{% endmacro %}


{% macro _note_transaction(is_open) %}
    {#- Whatever the package of the next node is: not by _remember, which tells packages apart. -#}
    {%- do graph.setdefault('exactly_once_transactions', {}).update({model.unique_id: is_open}) -%}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/sql/rollback -#}
{% macro _roll_back_what_failed() %}
    {#-
        Before anything else of a node, in any session: which one an earlier node of this run failed in is not known
        here, and without an open transaction nothing is undone. A session that gets no other node ends with the run.
    -#}
    {%- if execute and true in graph.get('exactly_once_transactions', {}).values() | list -%}
        {%- do run_query('rollback') -%}
    {%- endif -%}
{% endmacro %}
