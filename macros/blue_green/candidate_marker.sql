{% macro candidate_marker(relation) %}
    {#-
        What the clone wrote on a table about itself, or none: {app, incident_id, cloned_at, cloned_watermark}. A kept
        table has replaced_for or withdrawn_for instead. It is a comment, of the table or of its schema, so it stays
        with the data through renames and tells the state after a crash.
    -#}
    {{- return(adapter.dispatch('candidate_marker', 'exactly_once')(relation)) -}}
{% endmacro %}


{% macro default__candidate_marker(relation) %}
    {%- do exactly_once._refuse_engine('candidate_marker') -%}
{% endmacro %}


{% macro duckdb__candidate_marker(relation) %}
    {{- return(exactly_once._parsed_marker(exactly_once._comment_of(relation))) -}}
{% endmacro %}


{% macro snowflake__candidate_marker(relation) %}
    {%- set marker = exactly_once._parsed_marker(exactly_once._comment_of(relation)) -%}
    {%- if marker is none or 'cloned_watermarks' not in marker -%}{{- return(marker) -}}{%- endif -%}
    {%- do marker.update({'cloned_watermark': marker.cloned_watermarks.get(relation.identifier | lower)}) -%}
    {{- return(marker) -}}
{% endmacro %}


{% macro _comment_of(relation) %}
    {#- The comment that bears the marker: none where there is no such table or schema, '' where it has none. -#}
    {{- return(adapter.dispatch('_comment_of', 'exactly_once')(relation)) -}}
{% endmacro %}


{% macro duckdb___comment_of(relation) %}
    {%- set found = run_query(
        'select comment from duckdb_tables() where ' ~ exactly_once._is_of_table(relation)
    ).rows -%}
    {{- return((found[0][0] or '') if found else none) -}}
{% endmacro %}


{% macro _is_of_table(relation) %}
    {#- A predicate on DuckDB's functions that list what there is. -#}
    {{- return(
        'database_name = ' ~ exactly_once.text_literal(relation.database)
        ~ ' and schema_name = ' ~ exactly_once.text_literal(relation.schema)
        ~ ' and table_name = ' ~ exactly_once.text_literal(relation.identifier)
    ) -}}
{% endmacro %}


{#- https://docs.snowflake.com/en/sql-reference/info-schema/schemata -#}
{% macro snowflake___comment_of(relation) %}
    {%- set found = exactly_once._ask(
        'select comment from ' ~ relation.information_schema() ~ '.schemata where schema_name = ' ~ exactly_once.text_literal(exactly_once._stored_name(relation.schema, relation.quote_policy.schema))
    ).rows -%}
    {{- return((found[0][0] or '') if found else none) -}}
{% endmacro %}


{% macro _stored_name(name, is_quoted) %}
    {#- A name as Snowflake's catalog has it: in capitals unless it is quoted. -#}
    {{- return(name if is_quoted else name | upper) -}}
{% endmacro %}


{% macro _parsed_marker(comment) %}
    {#- The marker in a comment; none in a comment that somebody else wrote. -#}
    {%- set marker = fromjson(comment, none) if comment and comment.startswith('{') else none -%}
    {{- return(marker if marker is mapping and marker.app == 'exactly_once' else none) -}}
{% endmacro %}


{% macro _iso_or_none(time) %}
    {#- A time as markers have it. -#}
    {{- return(time.isoformat() if time is not none else none) -}}
{% endmacro %}
