{% macro refuse_other_key(relation, columns) %}
    {#-
        Stops an incremental run whose business key is not the one that the table was built with: its fingerprints would
        meet none of those that are kept, so that every copy would stay. Told from a thousand rows of the table, whose
        fingerprints are computed again; no record of the key has to be kept for it.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set kept = {} -%}
        {%- for column in adapter.get_columns_in_relation(relation) -%}
            {%- do kept.update({column.name: column.data_type}) -%}
        {%- endfor -%}
        {%- set settings = exactly_once.settings() -%}
        {%- set needed = columns.key + ([columns.payload] if settings.payload_identity_paths else []) -%}
        {%- set missing = needed | map(attribute='name') | reject('in', kept) | list -%}
        {%- if missing -%}
            {%- do exactly_once._refuse_key(relation, 'with ' ~ missing | join(', ') ~ ', which the table lacks') -%}
        {%- endif -%}
        {%- set key = [] -%}
        {%- for column in columns.key -%}{%- do key.append(dict(column, type=kept[column.name])) -%}{%- endfor -%}
        {%- set payload = columns.payload -%}
        {%- if settings.payload_identity_paths -%}
            {%- set payload = dict(payload, type=kept[payload.name]) -%}
        {%- endif -%}
        {%- set others, sampled = run_query(
            'select count(case when event_fingerprint <> '
            ~ exactly_once.fingerprint(key, payload, settings.payload_identity_paths)
            ~ ' then 1 end) as others, count(*) as sampled from (select * from ' ~ relation
            ~ ' where has_complete_key limit 1000) as sampled_rows'
        ).rows[0].values() -%}
        {%- if others -%}
            {%- do exactly_once._refuse_key(
                relation, 'which gives ' ~ others ~ ' of ' ~ sampled ~ ' sampled rows another fingerprint'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_key(relation, found) %}
    {%- do exactly_once._refuse(
        'the business key of ' ~ relation, 'another key, ' ~ found, 'the key that the table was built with',
        'Set exactly_once__fingerprint_columns and exactly_once__payload_identity_paths back, or build everything again: '
        ~ 'dbt build --selector fifteen_minute --full-refresh'
    ) -%}
{% endmacro %}
