{% snapshot audit_decisions %}
    {{
        config(
            enabled=exactly_once._is_enabled('incident') and exactly_once._is_enabled('audit'),
            unique_key=['incident_id', 'row_hash', 'copy_number'],
            strategy='check',
            check_cols=['event_fingerprint', 'decision', 'reason', 'survivor_row_hash', 'rule_version'],
            hard_deletes='ignore'
        )
    }}
{%- do exactly_once.use_warehouse_of('detection') %}
-- depends_on: {{ ref('exactly_once', 'remediation_ledger') }}
select * from {{ ref('exactly_once', 'incident_decisions') }}
{% endsnapshot %}
