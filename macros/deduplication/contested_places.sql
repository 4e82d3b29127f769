{% macro contested_places(columns, copies) -%}
    {#-
        A query for the places of copies that don't simply stay: every place after the first of its event, and
        the first (place_number 1) where several copies share it. None where nothing is repeated.
        copies: a relation with the place_columns of each copy; no payload is read, ranked or sorted here.
    -#}
    {%- set place = exactly_once.place_columns(columns) | join(',\n        ') -%}
    select
        {{ place }},
        count(*) as copy_count,
        row_number() over (
            partition by event_fingerprint
            order by {{ exactly_once.survivor_order(columns, with_row_hash=false) }}
        ) as place_number
    from {{ copies }}
    where event_fingerprint in (
        select event_fingerprint from {{ copies }} group by event_fingerprint having count(*) > 1
    )
    group by
        {{ place }}
    qualify place_number > 1 or copy_count > 1
{%- endmacro %}
