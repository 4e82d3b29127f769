{% macro payment_events(events, predicate='true') %}
    {#-
        The events of a relation under the names that the curated models use. Those without a complete key are
        left out: whether two of them are one event can't be told, so they wait for review.
    -#}
    {%- set columns = exactly_once.source_columns() -%}
    select
        {{ exactly_once.key_value(columns, columns.payment_id) }} as payment_id,
        {{ exactly_once.merchant_id(columns) }} as merchant_id,
        {{ exactly_once.key_value(columns, columns.event_type) }} as event_type,
        {{ exactly_once.key_value(columns, columns.currency) }} as currency,
        {{ columns.amount.sql }} as amount_cents,
        {{ exactly_once.utc_timestamp(columns.event_time) }} as event_at
    from {{ events }}
    where
        has_complete_key
        and {{ columns.payment_id.sql }} is not null
        and {{ predicate }}
{% endmacro %}
