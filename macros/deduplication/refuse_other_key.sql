{% macro refuse_other_key(columns) %}
    {#-
        Stops a run whose business key is not the one that stg_events_deduplicated was built with: its fingerprints would
        meet none of those that are kept, so that every copy would stay. Told from a thousand rows of the table, which
        are identified again, and from the table's comment, which says how the key was written. So it does where the order
        of survivors, or what identifies an event without a complete key, is another than the comment says.
    -#}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set relation = exactly_once.model_relation('stg_events_deduplicated') -%}
        {%- set kept = exactly_once._types_by_name(relation) if exactly_once._is_there(relation) else {} -%}
        {%- if kept -%}
            {%- set recorded = (exactly_once._parsed_marker(exactly_once._comment_on(relation)) or {}).get('built_with') or {} -%}
            {%- do exactly_once._refuse_other_vars(
                relation, recorded, exactly_once._built_with_of_events(),
                'Set them back; or build everything again with dbt build --selector fifteen_minute --full-refresh, which keeps '
                ~ 'only what the source still holds. Where only names have changed, rename the columns in the table too and '
                ~ "run: comment on table " ~ relation ~ " is ''"
            ) -%}
            {%- do exactly_once._check_kept_payload(relation, kept, columns.payload) -%}
            {%- do exactly_once._check_kept_types(relation, kept, columns) -%}
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


{% macro _check_key(columns) %}
    {#- Of the view: a full refresh may have another key, unless copies by the old one have left the source. -#}
    {%- if flags.FULL_REFRESH -%}
        {%- do exactly_once._refuse_refresh_without_quarantined(columns) -%}
    {%- else -%}
        {%- do exactly_once.refuse_other_key(columns) -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_refresh_without_quarantined(columns) %}
    {#- What left the source as a copy may be an event of its own by another key, and would be in no table then. -#}
    {%- set quarantine = exactly_once._quarantine_if_made() if flags.WHICH in ('run', 'build') else none -%}
    {%- if quarantine is not none -%}
        {%- set kept = exactly_once._types_by_name(quarantine) -%}
        {%- set lacks_column = exactly_once._needed_by_key(columns) | map(attribute='name') | map('lower') | reject('in', kept) | list -%}
        {%- set is_other = 'true' if lacks_column else exactly_once._is_identified_otherwise(columns, kept) -%}
        {%- set incidents = exactly_once._ask(
            'select incident_id, count(*) as copies from ' ~ quarantine ~ ' where restored_at is null and ' ~ is_other
            ~ ' group by incident_id order by incident_id'
        ).rows -%}
        {%- set commands = [] -%}
        {%- for row in incidents -%}{%- do commands.append(exactly_once._verb_command('raw_restore', row[0])) -%}{%- endfor -%}
        {%- if commands -%}
            {%- do exactly_once._refuse(
                'the business key', 'another than that by which ' ~ exactly_once._with_commas(incidents | sum(attribute=1))
                ~ ' rows in ' ~ quarantine ~ ' are copies', 'that key, or a source with these rows in it',
                'Put them back with the vars as they were, then build with the new key and detect again: ' ~ commands | join('; ')
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _types_by_name(relation) %}
    {#- By the names in lower case; of two names that differ in case alone, each by its own. -#}
    {%- set types, exact = {}, {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
        {%- do exact.update({column.name: column.data_type}) -%}
    {%- endfor -%}
    {%- do types.update(exact) -%}
    {{- return(types) -}}
{% endmacro %}


{% macro _needed_by_key(columns) %}
    {{- return(columns.key + ([columns.payload] if exactly_once.settings().payload_identity_paths else [])) -}}
{% endmacro %}


{% macro _is_identified_otherwise(columns, kept) %}
    {#-
        A predicate on rows that were identified before: by the key of now they would be another event. With the types of
        their table, since those of the source may have become wider.
    -#}
    {%- set paths = exactly_once.settings().payload_identity_paths -%}
    {%- set key = [] -%}
    {%- for column in columns.key -%}{%- do key.append(dict(column, type=kept[column.name | lower])) -%}{%- endfor -%}
    {%- set payload = dict(columns.payload, type=kept[columns.payload.name | lower]) if paths else none -%}
    {%- set id_type = kept.get(columns.event_id.name | lower) if columns.event_id is not none -%}
    {%- set event_id = dict(columns.event_id, type=id_type) if id_type else none -%}
    {%- set others = [] -%}
    {%- for which, fingerprint in exactly_once._identities(
        dict(columns, key=key, payload=payload, event_id=event_id), 'row_hash', paths
    ) -%}
        {%- do others.append('(' ~ which ~ ' and event_fingerprint <> ' ~ fingerprint ~ ')') -%}
    {%- endfor -%}
    {{- return('(' ~ others | join(' or ') ~ ')') -}}
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


{% macro _check_kept_types(relation, kept, columns) %}
    {#- What the table would round, or read by the session's zone, would be in it otherwise than its row hash says. -#}
    {%- set lossy = [] -%}
    {%- for column in columns.all -%}
        {%- set kept_type = kept.get(column.name, kept.get(column.name | lower)) -%}
        {%- set is_key = column.name in columns.key | map(attribute='name') -%}
        {%- if kept_type and not exactly_once._holds_every_value(kept_type, column.type, is_key) -%}
            {%- do lossy.append(column.name ~ ' is ' ~ column.type ~ ' now and ' ~ kept_type ~ ' in the table') -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if lossy -%}
        {%- do exactly_once._refuse(
            'the types of ' ~ relation, lossy | join(', '), 'types that hold every value of the source',
            'Cast them back in a view, and point exactly_once__source_table at the view; or build everything again with '
            ~ 'dbt build --selector fifteen_minute --full-refresh, which keeps only what the source still holds.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _holds_every_value(kept_type, type, is_key=false) %}
    {#-
        Whether a value comes back as it was. A whole number that is too long is an error of the engine, and nothing is
        written. As text it would be another key.
    -#}
    {%- set kept_kind, kept_digits = exactly_once._exactness(kept_type) -%}
    {%- set kind, digits = exactly_once._exactness(type) -%}
    {%- set has_one_text = kind in ('number', 'boolean', 'uuid', 'json') -%}
    {{- return((kind == kept_kind and digits <= kept_digits) or (kept_kind == 'text' and has_one_text and not is_key)) -}}
{% endmacro %}


{% macro _exactness(data_type) %}
    {#- What kind of value a type holds, and how finely: digits behind the point, of a second too. -#}
    {%- set name = data_type | upper | trim -%}
    {%- set family = exactly_once.type_family(name) -%}
    {%- if family in ('integer', 'decimal') -%}
        {%- set scale = modules.re.search(',\\s*(\\d+)\\s*[)]$', name) -%}
        {{- return(['number', scale.group(1) | int if scale else 0]) -}}
    {%- elif family == 'other' or name == 'UUID' -%}
        {{- return([name | lower, 0]) -}}
    {%- endif -%}
    {{- return([family, {
        'FLOAT': 0, 'FLOAT4': 0, 'REAL': 0, 'TIMESTAMP_S': 0, 'TIMESTAMP_MS': 3, 'TIMESTAMP_NS': 9
    }.get(name, 6)]) -}}
{% endmacro %}


{% macro _check_kept_fingerprints(relation, kept, columns) %}
    {%- set missing = exactly_once._needed_by_key(columns) | map(attribute='name') | map('lower') | reject('in', kept) | list -%}
    {%- if missing -%}
        {%- do exactly_once._refuse_key(relation, 'with ' ~ missing | join(', ') ~ ', which the table lacks') -%}
    {%- endif -%}
    {%- set others, sampled = exactly_once._ask(
        'select count(case when ' ~ exactly_once._is_identified_otherwise(columns, kept) ~ ' then 1 end) as others, '
        ~ 'count(*) as sampled from (select * from ' ~ relation ~ ' limit 1000) as sampled_rows'
    ).rows[0].values() -%}
    {%- if others -%}
        {%- do exactly_once._refuse_key(
            relation, 'which identifies ' ~ others ~ ' of ' ~ sampled ~ ' sampled rows in another way'
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
