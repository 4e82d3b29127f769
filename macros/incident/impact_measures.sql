{% macro impact_measures(columns) %}
    {#- The columns that each report of the impact adds up over decisions. -#}
    count(distinct event_fingerprint) as affected_events,
    count(distinct {{ columns.payment_id.sql }}) as affected_payments,
    count(*) as copy_count,
    count(case when decision = 'keep' then 1 end) as kept_count,
    count(case when decision = 'remove' then 1 end) as removed_count,
    count(case when decision = 'review' then 1 end) as review_count,
    coalesce(sum(case when decision = 'remove' then {{ columns.amount.sql }} end), 0)
        as removed_amount_cents
{%- endmacro %}
