{% macro get_incremental_merge_and_mark_sql(arg_dict) %}
    {#-
        The incremental strategy merge_and_mark of curated models: dbt's merge, and in the same transaction the mark
        how far the relation has taken in arrivals. So nobody sees rows whose mark does not say so yet, nor the other
        way round. A model may say over its own columns which rows go, in its config: meta={'deleted_when':
        'row_count = 0'}. They are deleted in the same statement, so that no reader sees a row that is about to go.
    -#}
    {%- set deleted_when = config.get('meta', {}).get('deleted_when', 'false') -%}
    {%- set unique_key = arg_dict['unique_key'] -%}
    {%- set is_same = [] -%}
    {%- for key in ([unique_key] if unique_key is string else unique_key) -%}
        {%- do is_same.append('stored.' ~ key ~ ' = computed.' ~ key) -%}
    {%- endfor -%}
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
