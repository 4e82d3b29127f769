{% macro fingerprint_without_key(event_id, row_hash_sql) %}
    {#-
        The fingerprint of an event whose key is incomplete: of its event_id alone, or of its whole content.
        event_id none gives the second.
    -#}
    {%- if event_id is none -%}
        {{- return("md5('2:v1' || '7:content' || " ~ exactly_once.encoded_part(row_hash_sql) ~ ')') -}}
    {%- endif -%}
    {%- set event_id_text = exactly_once.canonical_text(event_id.sql, event_id.type) -%}
    {{- return("md5('2:v1' || '8:event_id' || " ~ exactly_once.encoded_part(event_id_text) ~ ')') -}}
{% endmacro %}
