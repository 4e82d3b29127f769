{% macro _built_with_of_events() %}
    {#- The vars, as they are now, that tell which copies stg_events_deduplicated keeps; the key apart. -#}
    {{- return(exactly_once._names_of_parts(['arrival_time', 'event_id'])) -}}
{% endmacro %}


{% macro _forms_of_key() %}
    {#-
        How the values of the key are written, column by column, and the payload paths after them: what a sample of the
        kept rows shows only if one of them would be written otherwise.
    -#}
    {%- set forms = [] -%}
    {%- for column in exactly_once.settings().fingerprint_columns -%}
        {%- do forms.append({'normalize': column.normalize, 'cast': column.cast}) -%}
    {%- endfor -%}
    {{- return(forms + exactly_once.settings().payload_identity_paths) -}}
{% endmacro %}


{% macro _key_in_force() %}
    {#- What identifies an event, by the vars as they are now; equal for equal fingerprints. -#}
    {%- set key = [] -%}
    {%- for column in exactly_once.source_columns().key -%}
        {%- do key.append({'name': column.name, 'normalize': column.normalize, 'cast': column.cast}) -%}
    {%- endfor -%}
    {{- return({
        'fingerprint_columns': key,
        'payload_identity_paths': exactly_once.settings().payload_identity_paths
    }) -}}
{% endmacro %}


{% macro _built_with_of_curated() %}
    {#- The vars, as they are now, that tell what the rows of a curated model mean; equal for one meaning. -#}
    {%- set settings = exactly_once.settings() -%}
    {%- set built_with = exactly_once._names_of_parts([
        'arrival_time', 'event_id', 'event_time', 'payment_id', 'event_type', 'amount', 'currency', 'merchant_id'
    ]) -%}
    {%- set types = {} -%}
    {%- for name, spellings in settings.event_types.items() -%}
        {%- do types.update({name: spellings | unique(case_sensitive=true) | sort(case_sensitive=true) | list}) -%}
    {%- endfor -%}
    {%- set key = exactly_once._key_in_force() -%}
    {%- do built_with.update({
        'fingerprint_columns': key.fingerprint_columns | sort(attribute='name') | list,
        'payload_identity_paths': key.payload_identity_paths | sort(case_sensitive=true) | list,
        'event_types': types
    }) -%}
    {%- if settings.payload_identity_paths -%}
        {%- do built_with.update(exactly_once._names_of_parts(['payload'])) -%}
    {%- endif -%}
    {{- return(built_with) -}}
{% endmacro %}


{% macro _what_to_record() %}
    {#-
        As they are recorded: with the guard, which may be turned on and off between two runs. A build beside live is not
        the job's, and leaves what it found. The keys of a candidate that only its own project knows how to compute tell the
        checks before the swap which rows a repair may change.
    -#}
    {%- set node = graph.nodes[model.unique_id] -%}
    {%- set guard = node.get('guard_before_build') if exactly_once._suffix_of_build()
        else exactly_once.settings().deduplicate -%}
    {%- set built_with = exactly_once._built_with_of_curated() -%}
    {%- if guard is not none -%}{%- do built_with.update({'deduplicate': guard}) -%}{%- endif -%}
    {%- set read_from = node.get('recorded_before_build') if exactly_once._is_update() else none -%}
    {%- if read_from is not none -%}{%- do built_with.update({'read_from_mark': read_from.isoformat()}) -%}{%- endif -%}
    {%- if exactly_once.settings().build_candidate and not exactly_once.curated_keys(model.name) -%}
        {%- do built_with.update({'keys': node.get('keys_of_build', {})}) -%}
    {%- endif -%}
    {{- return(built_with) -}}
{% endmacro %}


{% macro _recorded_vars(row) %}
    {#- {var without the prefix: value} of a row in incremental_watermarks; empty where an earlier version wrote it. -#}
    {{- return(fromjson(row.get('built_with') or 'null') or {}) -}}
{% endmacro %}


{% macro _names_of_parts(parts) %}
    {%- set columns = exactly_once.source_columns() -%}
    {%- set names = {} -%}
    {%- for part in parts -%}
        {%- do names.update({part ~ '_column': columns[part].name if columns[part] else none}) -%}
    {%- endfor -%}
    {{- return(names) -}}
{% endmacro %}


{% macro _refuse_other_vars(relation, recorded, now, remedy) %}
    {#-
        Stops a run whose vars are not those that the table was built with: it would compute only some rows by
        them. What an earlier version has not recorded is taken to be that of now.
        recorded: {var without the prefix: value}, or none.
    -#}
    {%- if execute and recorded and flags.WHICH in ('run', 'build') -%}
        {%- set found, kept = [], [] -%}
        {%- for name, value in now.items()
            if name in recorded and value != recorded[name] and not exactly_once._is_new_merchant(name, recorded) -%}
            {%- do found.append('exactly_once__' ~ name ~ ' ' ~ tojson(value)) -%}
            {%- do kept.append('exactly_once__' ~ name ~ ' ' ~ tojson(recorded[name])) -%}
        {%- endfor -%}
        {%- if found -%}
            {%- do exactly_once._refuse(
                'the vars of ' ~ relation, found | join(', '),
                kept | join(', ') ~ ', which the table was built with', remedy
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _refuse_other_vars_of_curated(relation, row) %}
    {%- set settings = exactly_once.settings() -%}
    {%- if settings.build_replaced is not none -%}
        {%- set remedy = 'Set them back for this run.' -%}
    {%- elif settings.build_candidate -%}
        {%- set remedy = 'Set them back until the repair is over; or build live with them, and clone it again.' -%}
    {%- else -%}
        {%- set remedy = 'Set them back; or build the table again with dbt run --full-refresh --select ' ~ model.name
            ~ '. Where only names have changed, and every value is the same, run: update '
            ~ exactly_once._watermarks_of(relation) ~ ' set built_with = null where relation_name = '
            ~ exactly_once.text_literal(exactly_once._watermark_key(relation)) -%}
    {%- endif -%}
    {%- do exactly_once._refuse_other_vars(
        relation, exactly_once._recorded_vars(row), exactly_once._built_with_of_curated(), remedy
    ) -%}
{% endmacro %}


{% macro _is_new_merchant(name, recorded) %}
    {#- The source has got a column merchant_id: it is NULL in the events that are kept, whose rows stay as they are. -#}
    {{- return(
        name == 'merchant_id_column' and recorded[name] is none
        and exactly_once.settings().merchant_id_column is none
    ) -}}
{% endmacro %}
