{% macro refuse_other_key(columns) %}
    {#-
        Stops a run whose business key is not the one that stg_events_deduplicated was built with: its fingerprints would
        meet none of those that are kept, so that every copy would stay. Told from a thousand rows of the table, which
        are identified again, and from the table's comment, which says how the key was written. So it does where the order
        of survivors, or what identifies an event without a complete key, is another than the comment says.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set relation = exactly_once.model_relation('stg_events_deduplicated') -%}
        {%- set kept = {} -%}
        {%- if exactly_once._is_there(relation) -%}
            {%- for column in adapter.get_columns_in_relation(relation) -%}
                {%- do kept.update({column.name | lower: column.data_type}) -%}
            {%- endfor -%}
        {%- endif -%}
        {%- if kept -%}
            {%- set recorded = (exactly_once._parsed_marker(exactly_once._comment_on(relation)) or {}).get('built_with') or {} -%}
            {%- do exactly_once._refuse_other_vars(
                relation, recorded, exactly_once._built_with_of_events(),
                'Set them back; or build everything again with dbt build --selector fifteen_minute --full-refresh, which keeps '
                ~ 'only what the source still holds. Where only names have changed, rename the columns in the table too and '
                ~ "run: comment on table " ~ relation ~ " is ''"
            ) -%}
            {%- do exactly_once._check_kept_payload(relation, kept, columns.payload) -%}
            {%- do exactly_once._check_kept_fingerprints(relation, kept, columns) -%}
            {%- set forms = exactly_once._forms_of_key() -%}
            {%- if recorded.get('key', forms) != forms -%}
                {%- do exactly_once._refuse_key(
                    relation, 'written as ' ~ tojson(forms) ~ ' and not as ' ~ tojson(recorded.key)
                ) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_kept_payload(relation, kept, payload) %}
    {#- The engine's error shows the value that it can't put into the column. -#}
    {%- set kept_type = kept.get(payload.name | lower) if payload -%}
    {%- if kept_type and exactly_once.type_family(kept_type) not in ('text', exactly_once.type_family(payload.type)) -%}
        {%- do exactly_once._refuse(
            'column ' ~ payload.name ~ ' of ' ~ relation, payload.type ~ ' in the source and ' ~ kept_type ~ ' in the table',
            'one kind of type for payloads', 'Give the source, by a view, or the table the type that the other has; or build everything again with '
            ~ 'dbt build --selector fifteen_minute --full-refresh, which keeps only what the source still holds.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_kept_fingerprints(relation, kept, columns) %}
    {%- set paths = exactly_once.settings().payload_identity_paths -%}
    {%- set needed = columns.key + ([columns.payload] if paths else []) -%}
    {%- set missing = needed | map(attribute='name') | map('lower') | reject('in', kept) | list -%}
    {%- if missing -%}
        {%- do exactly_once._refuse_key(relation, 'with ' ~ missing | join(', ') ~ ', which the table lacks') -%}
    {%- endif -%}
    {#- with the types of the table: those of the source may have become wider -#}
    {%- set key, changed = [], [] -%}
    {%- for column in columns.key -%}
        {%- do key.append(dict(column, type=kept[column.name | lower])) -%}
        {%- if column.type != kept[column.name | lower] -%}
            {%- do changed.append(column.name ~ ' is ' ~ column.type ~ ' now and ' ~ kept[column.name | lower] ~ ' in the table') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set payload = dict(columns.payload, type=kept[columns.payload.name | lower]) if paths else none -%}
    {%- set is_complete = exactly_once.key_is_complete(dict(columns, key=key)) -%}
    {%- set others, sampled = exactly_once._ask(
        'select count(case when has_complete_key <> (' ~ is_complete ~ ') or (has_complete_key and event_fingerprint <> '
        ~ exactly_once.fingerprint(key, payload, paths) ~ ') then 1 end) as others, count(*) as sampled from (select * from '
        ~ relation ~ ' limit 1000) as sampled_rows'
    ).rows[0].values() -%}
    {%- if others -%}
        {%- do exactly_once._refuse_key(
            relation, 'which identifies ' ~ others ~ ' of ' ~ sampled ~ ' sampled rows in another way'
            ~ (' (' ~ changed | join(', ') ~ ')' if changed else '')
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_key(relation, found) %}
    {%- do exactly_once._refuse(
        'the business key of ' ~ relation, 'another key, ' ~ found, 'the key that the table was built with',
        'Set exactly_once__fingerprint_columns and exactly_once__payload_identity_paths back; rename a column, or change its '
        ~ 'type, in the table too if the source has another name or type for it; or build everything again with '
        ~ 'dbt build --selector fifteen_minute --full-refresh, which keeps only what the source still holds, and gives '
        ~ 'every event another fingerprint, so that verdicts in decision_overrides must be given again.'
    ) -%}
{% endmacro %}
