{% macro curated_keys(name) %}
    {#- The key of a curated model over the columns of the source: {column name: SQL}. -#}
    {%- set columns = exactly_once.source_columns() -%}
    {{- return({
        'payments': {'payment_id': exactly_once.key_value(columns, columns.payment_id)},
        'fraud_features': {
            'merchant_id': exactly_once.merchant_id(columns),
            'event_hour': "date_trunc('hour', " ~ exactly_once.utc_timestamp(columns.event_time) ~ ')'
        }
    }[name]) -}}
{% endmacro %}
