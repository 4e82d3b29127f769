{{ config(enabled=exactly_once._is_enabled('incident')) }}
-- what to tell in the first status mail: one row per decision and reason

select
    scope.incident_id,
    scope.window_source,
    scope.window_start,
    scope.window_end,
    decisions.decision,
    decisions.reason,
    count(*) as copy_count,
    count(distinct decisions.event_fingerprint) as event_count
from {{ ref('exactly_once', 'incident_decisions') }} as decisions
inner join {{ ref('exactly_once', 'incident_scope') }} as scope
    on decisions.incident_id = scope.incident_id
group by
    scope.incident_id,
    scope.window_source,
    scope.window_start,
    scope.window_end,
    decisions.decision,
    decisions.reason
order by
    copy_count desc,
    decisions.decision asc,
    decisions.reason asc
