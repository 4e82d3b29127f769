{#- What the tests of tests/generic/, and relation_digest, ask of their arguments, before any of their SQL runs. -#}

{% macro _test_argument(test_name, model, argument) %}
    {#- The argument as errors name it. -#}
    {{- return('argument ' ~ argument ~ ' of the test ' ~ test_name ~ ' on ' ~ model) -}}
{% endmacro %}


{% macro _tested_columns(what, relation) %}
    {#- The columns of a relation that was given: [{name, type, sql}]. -#}
    {%- if relation.identifier is not defined -%}
        {#- the `where` of a test's config makes a subquery of its model; other text is not known to dbt -#}
        {%- if not (relation | string).endswith(' dbt_subquery') -%}
            {%- do exactly_once._refuse(
                what, relation, "ref('..') or source('..', '..')", 'Name the relation in one of these ways.'
            ) -%}
        {%- endif -%}
        {%- set found = adapter.get_column_schema_from_query('select * from ' ~ relation ~ ' limit 0') -%}
    {%- else -%}
        {#- asked by its name as it is: a name in quotes is in no cache of dbt's under Snowflake's capitals -#}
        {%- set found = [] if relation.is_cte else adapter.get_columns_in_relation(relation) -%}
        {%- if not found -%}
            {%- do exactly_once._refuse(
                what, ('the ephemeral model ' if relation.is_cte else 'no relation ') ~ relation,
                'a table or view in the warehouse that this user can read',
                'Materialize the model.' if relation.is_cte else 'Build or load it first, or correct its name.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {%- set columns = [] -%}
    {%- for column in found -%}
        {%- do columns.append({
            'name': column.name, 'type': column.data_type, 'sql': adapter.quote(column.name)
        }) -%}
    {%- endfor -%}
    {{- return(columns) -}}
{% endmacro %}


{% macro _tested_column(what, name, columns, families=none) %}
    {#- The column of that name, in any case unless it is quoted; of one of the families of types, if any are given. -#}
    {%- set names = columns | map(attribute='name') | join(', ') -%}
    {%- if name is not string or not name -%}
        {%- do exactly_once._refuse(what, name, 'the name of a column: ' ~ names, 'Name a column.') -%}
    {%- endif -%}
    {%- set is_quoted = name | length > 2 and name[0] == '"' and name[-1] == '"' -%}
    {%- set matches = columns | selectattr('name', 'equalto', name[1:-1]) | list if is_quoted
        else exactly_once._columns_named(columns, name) -%}
    {%- if matches | length != 1 -%}
        {%- do exactly_once._refuse(
            what, name ~ (', which fits several columns' if matches else ', which is none of its columns'),
            names, 'Correct the name of the column.'
        ) -%}
    {%- endif -%}
    {%- set column = matches[0] -%}
    {%- if families and exactly_once.type_family(column.type) not in families -%}
        {%- do exactly_once._refuse(
            what, column.name ~ ' of type ' ~ column.type, 'a column whose type is one of: ' ~ families | join(', '),
            'Name another column, or test a view that casts it.'
        ) -%}
    {%- endif -%}
    {{- return(column) -}}
{% endmacro %}


{% macro _tested_list(what, names) %}
    {#- A list of names, of which one may be given as text. -#}
    {%- set list_of_names = [names] if names is string else names -%}
    {%- if list_of_names is mapping or list_of_names is not iterable -%}
        {%- do exactly_once._refuse(what, names, 'the name of a column, or a list of names', 'Name the columns.') -%}
    {%- endif -%}
    {{- return(list_of_names) -}}
{% endmacro %}


{% macro _tested_hours(what, hours, may_be_zero) %}
    {#- A hundred years at most: a longer time is a slip, and no bound that a timestamp can hold. -#}
    {%- if hours is not number or hours is boolean or not (0 <= hours <= 876000) or (hours == 0 and not may_be_zero) -%}
        {%- do exactly_once._refuse(
            what, hours, 'a number of hours ' ~ ('from 0' if may_be_zero else 'above 0') ~ ' to 876000', 'Correct the number.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _time_bound(utc_time, column) %}
    {#- A literal of the column's own type, so that the column stays bare; a day for a date. -#}
    {%- if exactly_once.type_family(column.type) == 'date' -%}
        {{- return(exactly_once._date_literal(utc_time.date().isoformat())) -}}
    {%- endif -%}
    {{- return(exactly_once.timestamp_literal(utc_time, column.type)) -}}
{% endmacro %}


{% macro _date_literal(day) %}
    {{- return(adapter.dispatch('_date_literal', 'exactly_once')(day)) -}}
{% endmacro %}


{% macro default___date_literal(day) %}
    {{- return("cast('" ~ day ~ "' as date)") -}}
{% endmacro %}


{#- Whatever DATE_INPUT_FORMAT says: https://docs.snowflake.com/en/sql-reference/functions/to_date -#}
{% macro snowflake___date_literal(day) %}
    {{- return("to_date('" ~ day ~ "', 'YYYY-MM-DD')") -}}
{% endmacro %}


{% macro _newest_sane_time(model, column) %}
    {#- The newest time that is not ahead of the clock, a datetime in UTC, or none. -#}
    {%- set is_sane = column.sql ~ ' <= ' ~ exactly_once._time_bound(run_started_at.replace(tzinfo=none), column) -%}
    {#- the last in order rather than max(), which would read the whole column -#}
    {%- set found = exactly_once._ask(
        'select ' ~ exactly_once.epoch_micros(column.sql) ~ ' as newest_micros from ' ~ model ~ ' where ' ~ is_sane
        ~ ' order by ' ~ column.sql ~ ' desc limit 1'
    ) -%}
    {{- return(exactly_once.time_from_micros(found.rows[0][0]) if found.rows else none) -}}
{% endmacro %}


{% macro _is_within_lookback(model, columns, time_column, lookback_hours) %}
    {#-
        A predicate on the rows from so many hours before the newest sane time on, and on those without a time. Its
        bound is a literal on the bare column, so that the warehouse passes over the rest of the table.
    -#}
    {%- if time_column is none and lookback_hours is none -%}{{- return('true') -}}{%- endif -%}
    {%- set what = exactly_once._test_argument('exactly_once', model, 'lookback_hours') -%}
    {%- if time_column is none or lookback_hours is none -%}
        {%- do exactly_once._refuse(
            what, 'time_column ' ~ time_column ~ ' with lookback_hours ' ~ lookback_hours, 'both of them, or neither',
            'Give the other one too.'
        ) -%}
    {%- endif -%}
    {%- do exactly_once._tested_hours(what, lookback_hours, may_be_zero=false) -%}
    {%- set column = exactly_once._tested_column(
        exactly_once._test_argument('exactly_once', model, 'time_column'), time_column, columns,
        ['timestamp', 'timestamp_tz', 'date']
    ) -%}
    {%- set newest = exactly_once._newest_sane_time(model, column) -%}
    {%- if not newest -%}{{- return('true') -}}{%- endif -%}
    {%- set bound = exactly_once._time_bound(exactly_once.shifted_time(newest, -lookback_hours), column) -%}
    {{- return('(' ~ column.sql ~ ' >= ' ~ bound ~ ' or ' ~ column.sql ~ ' is null)') -}}
{% endmacro %}
