{% macro quarantine_columns() %}
    {#-
        What quarantined_events holds beside the columns of the source: {name: type}. A source with a column of
        such a name is refused, for a copy must come back just as it went.
    -#}
    {%- set timestamp = exactly_once._timestamp_type() -%}
    {%- set record = {
        'incident_id': 'varchar',
        'row_hash': 'varchar',
        'copy_number': 'bigint',
        'event_fingerprint': 'varchar',
        'reason': 'varchar',
        'survivor_row_hash': 'varchar',
        'rule_version': 'varchar',
        'slice_start': timestamp,
        'quarantined_at': timestamp,
        'restored_at': timestamp
    } -%}
    {%- set columns = exactly_once.source_columns() -%}
    {%- for column in columns.all if column.name | lower in record -%}
        {%- do exactly_once._refuse(
            'the source ' ~ columns.relation, 'a column ' ~ column.name,
            'columns under other names than those of quarantined_events',
            'Rename it in a view, and point exactly_once__source_table at the view; or disable quarantined_events.'
        ) -%}
    {%- endfor -%}
    {{- return(record) -}}
{% endmacro %}
