{% macro ledger_columns() %}
    {#-
        The columns of remediation_ledger and their types, in the order in which an entry's hash takes them. One more
        would change the hash of every entry there is.
    -#}
    {%- set timestamp = exactly_once._timestamp_type() -%}
    {{- return({
        'entry_number': 'bigint',
        'recorded_at': timestamp,
        'incident_id': 'varchar',
        'step': 'varchar',
        'phase': 'varchar',
        'actor': 'varchar',
        'arguments': 'varchar',
        'counts': 'varchar',
        'digests': 'varchar',
        'package_version': 'varchar',
        'project_commit': 'varchar',
        'rule_version': 'varchar',
        'invocation_id': 'varchar',
        'previous_hash': 'varchar',
        'entry_hash': 'varchar'
    }) -}}
{% endmacro %}
