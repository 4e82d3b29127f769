{% macro canonical_text(value_sql, data_type) %}
    {#-
        The one text of a value, whatever engine, session time zone or number format wrote it:
        10.50 is 10.5, a timestamp is its microseconds since the epoch in UTC, a date is ISO.
    -#}
    {%- set family = exactly_once.type_family(data_type) -%}
    {%- if family == 'text' -%}
        {{- return('cast(' ~ value_sql ~ ' as varchar)' if 'UUID' in data_type | upper else value_sql) -}}
    {%- elif family == 'decimal' -%}
        {{- return(exactly_once._decimal_text(value_sql, data_type)) -}}
    {%- elif family in ('timestamp', 'timestamp_tz') -%}
        {{- return(adapter.dispatch('_timestamp_text', 'exactly_once')(value_sql)) -}}
    {%- elif family == 'date' -%}
        {{- return(adapter.dispatch('_date_text', 'exactly_once')(value_sql)) -}}
    {%- elif family == 'json' -%}
        {{- return(exactly_once._unless_too_deep(
            'cast(' ~ value_sql ~ ' as varchar)', exactly_once._json_text(value_sql)
        )) -}}
    {%- endif -%}
    {{- return('cast(' ~ value_sql ~ ' as varchar)') -}}
{% endmacro %}


{% macro _decimal_text(value_sql, data_type) %}
    {%- set size = modules.re.match('.*[(]\\s*(\\d+)\\s*,\\s*(\\d+)\\s*[)]$', data_type) -%}
    {%- set text = 'cast(' ~ value_sql ~ ' as varchar)' -%}
    {%- if size and size.group(2) | int == 0 -%}{{- return(text) -}}{%- endif -%}
    {%- if size and size.group(1) == size.group(2) -%}
        {#- without a digit before the point some engines write .50 for 0.50 -#}
        {%- set text = "case when " ~ text ~ " like '.%' then '0' || " ~ text ~ " when " ~ text
            ~ " like '-.%' then '-0' || substr(" ~ text ~ ", 2) else " ~ text ~ " end" -%}
    {%- endif -%}
    {{- return(
        "case when " ~ text ~ " like '%.%' then rtrim(rtrim(" ~ text ~ ", '0'), '.') else " ~ text ~ " end"
    ) -}}
{% endmacro %}


{% macro default___timestamp_text(value_sql) %}
    {{- return('cast(' ~ exactly_once.epoch_micros(value_sql) ~ ' as varchar)') -}}
{% endmacro %}


{#- DuckDB knows infinity and -infinity, which have no microseconds. -#}
{% macro duckdb___timestamp_text(value_sql) %}
    {{- return(
        'coalesce(cast(' ~ exactly_once.epoch_micros(value_sql) ~ ' as varchar), cast(' ~ value_sql ~ ' as varchar))'
    ) -}}
{% endmacro %}


{% macro default___date_text(value_sql) %}
    {{- return('cast(' ~ value_sql ~ ' as varchar)') -}}
{% endmacro %}


{#- The default output format of a date is a session parameter. -#}
{% macro snowflake___date_text(value_sql) %}
    {{- return("to_varchar(" ~ value_sql ~ ", 'YYYY-MM-DD')") -}}
{% endmacro %}


{% macro _json_text(value_sql) %}
    {#-
        JSON with sorted keys, no blanks, no escapes that JSON can do without, and decimals without trailing
        zeros, as a member or alone: what one engine writes as 1.0 another writes as 1. A quote after a letter
        or a digit ends a name; inside a string a quote comes after a backslash.
    -#}
    {%- set sorted_text = adapter.dispatch('_sorted_json', 'exactly_once')(value_sql) -%}
    {{- return(adapter.dispatch('_without_trailing_zeros', 'exactly_once')(sorted_text)) -}}
{% endmacro %}


{% macro default___without_trailing_zeros(text_sql) %}
    {{- return(exactly_once._zeros_replaced(text_sql)) -}}
{% endmacro %}


{#- Named, since DuckDB computes anew what a CASE says twice. -#}
{% macro duckdb___without_trailing_zeros(text_sql) %}
    {{- return(
        '[' ~ exactly_once._zeros_replaced_if_any('exactly_once_json') ~ ' for exactly_once_json in [' ~ text_sql ~ ']][1]'
    ) -}}
{% endmacro %}


{% macro _zeros_replaced_if_any(text_sql) %}
    {#- To look whether a decimal ends in 0 takes DuckDB a tenth of the time of replacing. -#}
    {{- return(
        'case when regexp_matches(' ~ text_sql ~ ", '[.][0-9]*0([,}]|$)') then " ~ exactly_once._zeros_replaced(text_sql)
        ~ ' else ' ~ text_sql ~ ' end'
    ) -}}
{% endmacro %}


{% macro _zeros_replaced(text_sql) %}
    {%- set text = namespace(sql=text_sql) -%}
    {%- set number = '(^|[A-Za-z0-9_]":)(-?[0-9]+' -%}
    {%- for zeros in [')[.]0+', '[.][0-9]*[1-9])0+'] -%}
        {%- set text.sql = exactly_once._replaced_everywhere(text.sql, number ~ zeros ~ '([,}]|$)') -%}
    {%- endfor -%}
    {{- return(text.sql) -}}
{% endmacro %}


{% macro _unless_too_deep(text_sql, read_sql) %}
    {#- What reads a text as JSON, or the text itself where its nesting would be too much for the engine. -#}
    {{- return(adapter.dispatch('_unless_too_deep', 'exactly_once')(text_sql, read_sql)) -}}
{% endmacro %}


{% macro default___unless_too_deep(text_sql, read_sql) %}
    {{- return(read_sql) -}}
{% endmacro %}


{#-
    A VARIANT nested tens of thousands deep ends the process (https://github.com/duckdb/duckdb/issues/25967). Where a text has
    more than a thousand brackets, those outside of strings have to be pairs within each other, 16 deep at most.
-#}
{% macro duckdb___unless_too_deep(text_sql, read_sql) %}
    {#- translate would take most of the time that a row hash takes -#}
    {%- set brackets = '2 * strlen(' ~ text_sql ~ ') - strlen(replace(' ~ text_sql ~ ", '[', '')) - strlen(replace("
        ~ text_sql ~ ", '{', ''))" -%}
    {%- set strings, others = exactly_once.text_literal('"([^"\\\\]|\\\\.)*"'), exactly_once.text_literal('[^\\[\\]{}]+') -%}
    {%- set pairs = exactly_once.text_literal('([\\[{]' * 16 ~ '[\\]}])*' * 16) -%}
    {{- return(
        'case when ' ~ brackets ~ ' <= 1000 or regexp_full_match(regexp_replace(regexp_replace(' ~ text_sql ~ ', ' ~ strings
        ~ ", '', 'g'), " ~ others ~ ", '', 'g'), " ~ pairs ~ ') then ' ~ read_sql ~ ' else ' ~ text_sql ~ ' end'
    ) -}}
{% endmacro %}


{% macro _replaced_everywhere(text_sql, pattern) %}
    {#- Every match replaced by its three groups. -#}
    {{- return(adapter.dispatch('_replaced_everywhere', 'exactly_once')(
        text_sql, exactly_once.text_literal(pattern), exactly_once.text_literal('\\1\\2\\3')
    )) -}}
{% endmacro %}


{% macro default___replaced_everywhere(text_sql, pattern_sql, groups_sql) %}
    {{- return('regexp_replace(' ~ text_sql ~ ', ' ~ pattern_sql ~ ', ' ~ groups_sql ~ ')') -}}
{% endmacro %}


{#- DuckDB replaces the first match alone, unless told. -#}
{% macro duckdb___replaced_everywhere(text_sql, pattern_sql, groups_sql) %}
    {{- return('regexp_replace(' ~ text_sql ~ ', ' ~ pattern_sql ~ ', ' ~ groups_sql ~ ", 'g')") -}}
{% endmacro %}


{% macro default___sorted_json(value_sql) %}
    {%- do exactly_once._refuse_engine('canonical_text') -%}
{% endmacro %}


{#- A VARIANT sorts its keys. JSON null as a whole would become NULL. -#}
{% macro duckdb___sorted_json(value_sql) %}
    {%- set text = 'cast(cast(cast(' ~ value_sql ~ ' as variant) as json) as varchar)' -%}
    {{- return('coalesce(' ~ text ~ ', cast(' ~ value_sql ~ ' as varchar))') -}}
{% endmacro %}


{#- Keys in order: seen, not promised by https://docs.snowflake.com/en/sql-reference/functions/to_json, decision 10. -#}
{% macro snowflake___sorted_json(value_sql) %}
    {{- return('to_json(' ~ value_sql ~ ')') -}}
{% endmacro %}
