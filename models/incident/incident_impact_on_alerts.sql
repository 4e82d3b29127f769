{%- do exactly_once.use_warehouse_of('detection') -%}
{%- set fraud_features = ref('exactly_once', 'fraud_features') -%}
{%- set features_before = exactly_once.table_before_repair(fraud_features) -%}
{%- set thresholds = exactly_once.settings().alert_thresholds -%}
{%- set groups = ref('exactly_once', 'incident_duplicate_groups') -%}
{%- set is_in_reach = exactly_once.same_event_times(groups) -%}
{%- set is_taken_in = exactly_once.taken_in_by(features_before) %}
-- one of the two says it where a table is missing
-- depends_on: {{ ref('exactly_once', 'incident_impact_on_curated') }}

with incident_scope as (
    select incident_id from {{ ref('exactly_once', 'incident_scope') }}
),

repaired_events as (
    {{ exactly_once.repaired_events() }}
),

affected_hours as (
    select distinct
        merchant_id,
        date_trunc('hour', event_at) as event_hour
    from repaired_events
    where event_at is not null
),

clean_events as (
    {{ exactly_once.payment_events(
        ref('exactly_once', 'stg_events_counted'), is_in_reach ~ ' and ' ~ is_taken_in
    ) }}
    union all
    {{ exactly_once.distinct_copies(is_taken_in) }}
),

clean_events_of_hours as (
    select
        clean_events.*,
        affected_hours.event_hour
    from clean_events
    inner join affected_hours
        on
            clean_events.merchant_id = affected_hours.merchant_id
            and date_trunc('hour', clean_events.event_at) = affected_hours.event_hour
),

features_after as (
    {{ exactly_once.hourly_features('clean_events_of_hours') }}
),

alerts as (
    {% for feature, threshold in thresholds.items() -%}
    select
        '{{ feature }}' as feature,
        cast({{ threshold }} as double) as threshold,
        coalesce(features_before.{{ feature }} >= {{ threshold }}, false) as is_alert_before,
        coalesce(features_after.{{ feature }} >= {{ threshold }}, false) as is_alert_after
    from affected_hours
    left join {{ features_before }} as features_before
        on
            affected_hours.merchant_id = features_before.merchant_id
            and affected_hours.event_hour = features_before.event_hour
    left join features_after
        on
            affected_hours.merchant_id = features_after.merchant_id
            and affected_hours.event_hour = features_after.event_hour
    union all
    {% endfor -%}
    select
        cast(null as varchar) as feature,
        cast(null as double) as threshold,
        false as is_alert_before,
        false as is_alert_after
    from affected_hours
    where false
)

select
    incident_scope.incident_id,
    alerts.feature,
    alerts.threshold,
    count(*) as affected_hours,
    count(case when alerts.is_alert_before then 1 end) as alerts_before,
    count(case when alerts.is_alert_after then 1 end) as alerts_after,
    count(case when alerts.is_alert_before and not alerts.is_alert_after then 1 end)
        as false_alerts,
    count(case when alerts.is_alert_after and not alerts.is_alert_before then 1 end)
        as missed_alerts
from alerts
cross join incident_scope
group by 1, 2, 3
