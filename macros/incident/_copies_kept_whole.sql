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
        {%- set stored = stored_columns.get(column.name) -%}
        {%- do as_in_source.append(
            (adapter.quote(stored) if stored else 'cast(null as ' ~ column.type ~ ')') ~ ' as ' ~ column.sql
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
        where decision = 'keep' and {{ exactly_once._verdict_is_signed() }}
{%- endmacro %}


{% macro _events_with_more_copies(arrivals, stored) %}
    {#- A query for the events of which raw holds more copies than are stored. -#}
    select counted.event_fingerprint
    from (
        select
            event_fingerprint,
            1 as copies
        from {{ arrivals }}
        union all
        select
            event_fingerprint,
            -1 as copies
        from {{ stored }}
    ) as counted
    group by counted.event_fingerprint
    having sum(counted.copies) > 0
{%- endmacro %}


{% macro _columns_kept(columns, kept_event_times) %}
    {#-
        {name in the source: name in stg_events_kept}, whose types must be those of the source; none while it has no rows, or
        none that are read.
    -#}
    {%- if not execute or kept_event_times is none -%}{{- return(none) -}}{%- endif -%}
    {%- set stored = exactly_once.model_relation('stg_events_kept') -%}
    {%- if not exactly_once._has_rows(stored) -%}{{- return(none) -}}{%- endif -%}
    {%- set names = exactly_once._stored_names(stored, columns) -%}
    {%- set others = exactly_once._columns_of_other_types(stored, columns, names) -%}
    {%- for part in [columns.event_time, columns.arrival_time, columns.event_id] if part and not names.get(part.name) -%}
        {%- do others.append('no ' ~ part.name) -%}
    {%- endfor -%}
    {%- if others -%}
        {%- do exactly_once._refuse(
            'the columns of ' ~ stored, others | join(', '), 'the names and types that the source has',
            'Rename them there or change their types (ALTER TABLE), or give the source the old ones by a view. Copies that raw has '
            ~ 'lost are in this table alone.'
        ) -%}
    {%- endif -%}
    {{- return(names) -}}
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
