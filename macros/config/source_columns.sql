{% macro source_columns() %}
    {#-
        The columns of the source and the part each one plays, as the warehouse spells them:
        {all: [{name, type, sql}], key: [...], event_time, arrival_time, event_id, payload, payment_id,
        event_type, amount, currency, merchant_id}. A part that the source lacks is none.
    -#}
    {%- set known = exactly_once._known('source_columns') -%}
    {%- if known is not none -%}{{- return(known) -}}{%- endif -%}
    {%- set settings = exactly_once.settings() -%}
    {%- set source_table = exactly_once._source_relation(settings) -%}
    {%- set found = {'all': [], 'relation': source_table} -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(source_table) -%}
            {%- do found.all.append({
                'name': column.name, 'type': column.data_type, 'sql': adapter.quote(column.name)
            }) -%}
        {%- endfor -%}
        {%- if not found.all -%}
            {%- do exactly_once._refuse(
                'the source', 'no table ' ~ source_table, 'a table or view that this user can read',
                'Set exactly_once__source_database, exactly_once__source_schema and exactly_once__source_table.'
            ) -%}
        {%- endif -%}
        {%- for column in found.all if column.name | lower in ('event_fingerprint', 'row_hash', 'has_complete_key') -%}
            {%- do exactly_once._refuse(
                'the source ' ~ source_table, 'a column ' ~ column.name, 'columns under other names than those that stg_events adds',
                'Rename it in a view, and point exactly_once__source_table at the view.'
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set key = [] -%}
    {%- for column in settings.fingerprint_columns -%}
        {%- set entry = exactly_once._source_column(found, 'exactly_once__fingerprint_columns', column.name) -%}
        {%- do key.append(dict(entry, normalize=column.normalize, cast=column.cast)) -%}
    {%- endfor -%}
    {%- do found.update({'key': key}) -%}
    {%- for role in [
        'event_time', 'arrival_time', 'event_id', 'payload', 'payment_id', 'event_type', 'amount', 'currency'
    ] -%}
        {%- set name = settings[role ~ '_column'] -%}
        {%- set entry = none if name is none else exactly_once._source_column(found, 'exactly_once__' ~ role ~ '_column', name) -%}
        {%- do found.update({role: entry}) -%}
    {%- endfor -%}
    {%- do found.update({'merchant_id': exactly_once._merchant_column(settings, found)}) -%}
    {%- if execute -%}{%- do exactly_once._check_column_types(found) -%}{%- endif -%}
    {{- return(exactly_once._remember('source_columns', found)) -}}
{% endmacro %}


{% macro _source_relation(settings) %}
    {{- return(api.Relation.create(
        database=settings.source_database or target.database,
        schema=settings.source_schema,
        identifier=settings.source_table
    )) -}}
{% endmacro %}


{% macro _source_column(found, var_name, name) %}
    {#- The column by its exact name, else by its name in any case. -#}
    {%- if not execute -%}
        {{- return({'name': name, 'type': 'VARCHAR', 'sql': adapter.quote(name)}) -}}
    {%- endif -%}
    {%- set matches = exactly_once._columns_named(found.all, name) -%}
    {%- if matches | length != 1 -%}
        {%- set optional = var_name in ('exactly_once__event_id_column', 'exactly_once__payload_column') -%}
        {%- do exactly_once._refuse(
            'var ' ~ var_name,
            name ~ (', which fits several columns' if matches else ', which the source ' ~ found.relation ~ ' does not have'),
            'one of its columns: ' ~ found.all | map(attribute='name') | join(', '),
            'Set ' ~ var_name ~ ' to the right column' ~ (', or to null if the source has none.' if optional else '.')
        ) -%}
    {%- endif -%}
    {{- return(matches[0]) -}}
{% endmacro %}


{% macro _columns_named(columns, name) %}
    {#- The column of exactly that name, else those of that name in any case. -#}
    {%- set alike = [] -%}
    {%- for column in columns if column.name | lower == name | lower -%}{%- do alike.append(column) -%}{%- endfor -%}
    {{- return(columns | selectattr('name', 'equalto', name) | list or alike) -}}
{% endmacro %}


{% macro _merchant_column(settings, found) %}
    {%- if settings.merchant_id_column is not none -%}
        {{- return(exactly_once._source_column(found, 'exactly_once__merchant_id_column', settings.merchant_id_column)) -}}
    {%- endif -%}
    {%- for column in found.all if column.name | lower == 'merchant_id' -%}{{- return(column) -}}{%- endfor -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _check_column_types(found) %}
    {%- for role in ['event_time', 'arrival_time'] -%}
        {%- if exactly_once.type_family(found[role].type) not in ('timestamp', 'timestamp_tz') -%}
            {%- do exactly_once._refuse(
                'var exactly_once__' ~ role ~ '_column', found[role].name ~ ' of type ' ~ found[role].type,
                'a timestamp column', 'Point it at a timestamp, or let the loader parse the text.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if exactly_once.type_family(found.amount.type) not in ('integer', 'decimal', 'float') -%}
        {%- do exactly_once._refuse(
            'var exactly_once__amount_column', found.amount.name ~ ' of type ' ~ found.amount.type,
            'a number in minor units (cents)', 'Set it to the column that holds the amount.'
        ) -%}
    {%- endif -%}
    {%- if exactly_once.type_family(found.currency.type) in ('timestamp', 'timestamp_tz', 'date') -%}
        {%- do exactly_once._refuse(
            'var exactly_once__currency_column', found.currency.name ~ ' of type ' ~ found.currency.type,
            'a currency, such as a column of text',
            'Set it to the column that holds the currency. Unset, it is `currency` if the key has it, else the fourth of the key.'
        ) -%}
    {%- endif -%}
    {%- if exactly_once.settings().payload_identity_paths
        and exactly_once.type_family(found.payload.type) not in ('text', 'json')
        and not modules.re.match('^(STRUCT|MAP)', found.payload.type | upper) -%}
        {%- do exactly_once._refuse(
            'var exactly_once__payload_column', found.payload.name ~ ' of type ' ~ found.payload.type,
            'JSON, text, STRUCT or MAP while exactly_once__payload_identity_paths is set',
            'Cast it to text in a view, and point exactly_once__source_table at the view.'
        ) -%}
    {%- endif -%}
    {%- for column in found.key -%}
        {#- the engine's error shows the value that it can't cast -#}
        {%- if found.payload and column.name == found.payload.name and column.cast
            and exactly_once.type_family(column.cast) != 'text' -%}
            {%- do exactly_once._refuse(
                'var exactly_once__fingerprint_columns', column.name ~ ', the payload, with a cast to ' ~ column.cast,
                'the payload as text', 'Take what identifies an event from it by exactly_once__payload_identity_paths.'
            ) -%}
        {%- endif -%}
        {%- if not exactly_once._has_one_text(column) -%}
            {%- do exactly_once._refuse_type('var exactly_once__fingerprint_columns', column.name, column) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}


{% macro _has_one_text(column) %}
    {%- set family = exactly_once.type_family(column.get('cast') or column.type) -%}
    {%- set is_text_of_float = family == 'text' and exactly_once.type_family(column.type) == 'float' -%}
    {{- return(not is_text_of_float
        and family in ('integer', 'decimal', 'boolean', 'timestamp', 'timestamp_tz', 'date', 'text')) -}}
{% endmacro %}


{% macro _refuse_type(what, name, column) %}
    {%- do exactly_once._refuse(
        what, name ~ ' of type ' ~ column.type ~ (' with a cast to ' ~ column.cast if column.get('cast') else ''),
        'integer, decimal, boolean, timestamp, date or text, whose text is the same on every engine',
        'Leave the column out, or give it a cast, such as {name: ' ~ name ~ ', cast: "decimal(18, 2)"}.'
    ) -%}
{% endmacro %}
