{% macro _identities(columns, row_hash, paths) %}
    {#- How an event is identified: [which rows, fingerprint]. Each row falls in just one of them, complete keys in the first. -#}
    {%- set is_complete = exactly_once.key_is_complete(columns) -%}
    {%- set identities = [[is_complete, exactly_once.fingerprint(columns.key, columns.payload, paths)]] -%}
    {%- set event_id = exactly_once.event_id_or_null(columns) -%}
    {%- if columns.event_id is not none -%}
        {%- do identities.append([
            'not ' ~ is_complete ~ ' and ' ~ event_id ~ ' is not null',
            exactly_once.fingerprint_without_key(columns.event_id, row_hash)
        ]) -%}
    {%- endif -%}
    {%- do identities.append([
        'not ' ~ is_complete ~ ' and ' ~ event_id ~ ' is null', exactly_once.fingerprint_without_key(none, row_hash)
    ]) -%}
    {{- return(identities) -}}
{% endmacro %}
