{% macro _copies_kept_whole(columns, kept_event_times) %}
    {#- A query for the copies in raw of the events that a reviewer decided to keep whole. -#}
    select
        {{ columns.all | map(attribute='sql') | join(',\n        ') }},
        event_fingerprint,
        row_hash,
        has_complete_key
    from {{ ref('exactly_once', 'stg_events') }}
    where
        {%- if kept_event_times is none %}
        false
        {%- else %}
        {{ kept_event_times }}
        and event_fingerprint in ({{ exactly_once._events_kept_whole(ref('decision_overrides')) }})
        {%- endif %}
{%- endmacro %}


{% macro _stored_copies_kept_whole(relation, columns, kept_event_times, stored_columns) %}
    {#- The same of stg_events_kept, under the names of the source. -#}
    {%- set as_in_source = [] -%}
    {%- for column in columns.all -%}
        {%- do as_in_source.append(
            stored_columns.get(column.name, 'cast(null as ' ~ column.type ~ ')') ~ ' as ' ~ column.sql
        ) -%}
    {%- endfor -%}
    select stored_rows.*
    from (
        select
            {{ as_in_source | join(',\n            ') }},
            event_fingerprint,
            row_hash,
            has_complete_key
        from {{ relation }}
    ) as stored_rows
    where
        {{ kept_event_times }}
        and event_fingerprint in ({{ exactly_once._events_kept_whole(ref('decision_overrides')) }})
{%- endmacro %}


{% macro _events_kept_whole(overrides) -%}
    select event_fingerprint from {{ overrides }}
        where decision = 'keep' and event_fingerprint is not null and {{ exactly_once._verdict_is_signed() }}
{%- endmacro %}


{% macro _places_of_deduplicated(columns, kept_event_times) %}
    {#- A query for the place of the one row that the deduplicated table has of each event that is kept whole. -#}
    select
        {{ exactly_once.place_columns(columns) | join(',\n        ') }}
    from {{ ref('exactly_once', 'stg_events_deduplicated') }}
    where
        {{ kept_event_times }}
        and event_fingerprint in ({{ exactly_once._events_kept_whole(ref('decision_overrides')) }})
{%- endmacro %}


{% macro _events_taken_from_raw(columns) %}
    {#-
        A query for the events whose copies count as raw holds them: more than are stored, or as many, if the deduplicated
        row is one of them. Of the CTEs arrivals, stored and places_of_deduplicated.
    -#}
    select weighed.event_fingerprint
    from (
        select
            event_fingerprint,
            2 as weight
        from arrivals
        union all
        select
            event_fingerprint,
            -2 as weight
        from stored
        union all
        select distinct
            arrivals.event_fingerprint,
            1 as weight
        from arrivals
        inner join places_of_deduplicated
            on
                {{ exactly_once.is_same_place(columns, 'arrivals', 'places_of_deduplicated') }}
    ) as weighed
    group by weighed.event_fingerprint
    having sum(weighed.weight) > 0
{%- endmacro %}


{% macro _columns_of_stored(columns, kept_event_times) %}
    {#-
        {name in the source: the column of stg_events_kept, as SQL}. What is counted by must be there, of the source's
        types. None while it has no rows, or none that are read.
    -#}
    {%- if not execute or kept_event_times is none -%}{{- return(none) -}}{%- endif -%}
    {%- set stored = exactly_once.model_relation('stg_events_kept') -%}
    {%- if not exactly_once._has_rows(stored) -%}{{- return(none) -}}{%- endif -%}
    {%- set names = exactly_once._stored_names(stored, columns) -%}
    {%- set others = exactly_once._columns_of_other_types(stored, columns, names) -%}
    {%- set needed = exactly_once._needed_by_key(columns) + [
        columns.event_time, columns.arrival_time, columns.event_id, columns.payment_id, columns.event_type,
        columns.amount, columns.currency, columns.merchant_id
    ] -%}
    {%- for name in needed | select | map(attribute='name') | unique if name not in names -%}
        {%- do others.append('no ' ~ name) -%}
    {%- endfor -%}
    {%- if others -%}
        {%- do exactly_once._refuse(
            'the columns of ' ~ stored, others | join(', '), 'the names and types that the source has',
            'Rename them there or change their types (ALTER TABLE), or give the source the old ones by a view. Copies that raw has '
            ~ 'lost are in this table alone.'
        ) -%}
    {%- endif -%}
    {%- set as_sql = {} -%}
    {%- for name, stored_name in names.items() -%}{%- do as_sql.update({name: adapter.quote(stored_name)}) -%}{%- endfor -%}
    {{- return(as_sql) -}}
{% endmacro %}


{% macro _stored_names(stored, columns) %}
    {%- set names = {} -%}
    {%- for kept in adapter.get_columns_in_relation(stored) -%}
        {%- for column in exactly_once._columns_named(columns.all, kept.name) -%}
            {%- do names.update({column.name: kept.name}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}


{% macro _columns_of_other_types(stored, columns, names) %}
    {#- A union of two types would cast, and the engine's error shows the value that it can't cast. -#}
    {%- set types = exactly_once._types_by_name(stored) -%}
    {%- set others = [] -%}
    {%- for column in columns.all if column.name in names -%}
        {%- set kept_type = types[names[column.name]] -%}
        {%- set kept_kind, kept_digits = exactly_once._exactness(kept_type) -%}
        {%- set kind, digits = exactly_once._exactness(column.type) -%}
        {%- if kind != kept_kind or digits > kept_digits -%}
            {%- do others.append(column.name ~ ' is ' ~ column.type ~ ' in the source and ' ~ kept_type ~ ' in the table') -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(others) -}}
{% endmacro %}


{% macro _drop_if_empty_and_outdated(relation, columns) %}
    {#- Without rows there is nothing to lose: the table is made again with the types that the source has now. -#}
    {%- if execute and flags.WHICH in ('run', 'build') and exactly_once._is_there(relation)
        and not exactly_once._has_rows(relation)
        and exactly_once._columns_of_other_types(relation, columns, exactly_once._stored_names(relation, columns)) -%}
        {%- do adapter.drop_relation(adapter.get_relation(relation.database, relation.schema, relation.identifier)) -%}
    {%- endif -%}
{% endmacro %}


{% macro _has_rows(relation) %}
    {{- return(
        exactly_once._is_there(relation)
        and exactly_once._ask('select 1 as one from ' ~ relation ~ ' limit 1').rows | length > 0
    ) -}}
{% endmacro %}
