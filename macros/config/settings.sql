{% macro settings() %}
    {#- Every var of the package, checked, under its name without the prefix. -#}
    {%- set known = exactly_once._known('settings') -%}
    {%- if known is not none -%}{{- return(known) -}}{%- endif -%}
    {%- do exactly_once._refuse_unknown_vars() -%}
    {%- set found = {} -%}
    {%- for name, kind in exactly_once._known_vars().items() -%}
        {%- do found.update({
            name | replace('exactly_once__', ''): exactly_once._checked_var(name, kind, exactly_once._var(name))
        }) -%}
    {%- endfor -%}
    {%- do exactly_once._check_columns(found) -%}
    {%- do exactly_once._check_window(found) -%}
    {%- do exactly_once._check_bound(found) -%}
    {%- if found.build_candidate and found.build_replaced is not none -%}
        {%- do exactly_once._refuse(
            'var exactly_once__build_replaced', found.build_replaced ~ ', and exactly_once__build_candidate true', 'one of the two',
            'The candidates wait for a swap, the replaced tables for a rollback: give the one that you mean.'
        ) -%}
    {%- endif -%}
    {{- return(exactly_once._remember('settings', found)) -}}
{% endmacro %}


{% macro _var(name) %}
    {#-
        A var as this package's own nodes see it, and so every node: dbt shows a model of another project the vars of
        that project, neither our defaults nor what is set for us alone.
    -#}
    {%- if model is not defined or not model or model.package_name == 'exactly_once' or var.packages_for_node is not defined -%}
        {{- return(var(name, none)) -}}
    {%- endif -%}
    {%- set root = var.packages_for_node() | list | last -%}
    {%- set ours = root.load_dependencies().get('exactly_once') -%}
    {%- for vars in [root.cli_vars, root.vars.vars.get('exactly_once', {}), root.vars.vars, ours.vars.vars if ours else {}] if name in vars -%}
        {{- return(render(vars[name]) if vars[name] is string else vars[name]) -}}
    {%- endfor -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _known_vars() %}
    {{- return({
        'exactly_once__source_database': 'name or null',
        'exactly_once__source_schema': 'name',
        'exactly_once__source_table': 'name',
        'exactly_once__fingerprint_columns': 'key columns',
        'exactly_once__payload_identity_paths': 'list of paths',
        'exactly_once__event_time_column': 'name',
        'exactly_once__arrival_time_column': 'name',
        'exactly_once__event_id_column': 'name or null',
        'exactly_once__payload_column': 'name or null',
        'exactly_once__payment_id_column': 'name or null',
        'exactly_once__event_type_column': 'name or null',
        'exactly_once__amount_column': 'name or null',
        'exactly_once__currency_column': 'name or null',
        'exactly_once__merchant_id_column': 'name or null',
        'exactly_once__event_types': 'event types',
        'exactly_once__late_arrival_hours': 'positive number',
        'exactly_once__reprocess_from': 'time or null',
        'exactly_once__max_hours_per_run': 'positive number or null',
        'exactly_once__freshness_minutes': 'positive number',
        'exactly_once__detection_hours': 'positive number',
        'exactly_once__detection_min_rate': 'share',
        'exactly_once__incomplete_key_max_rate': 'share',
        'exactly_once__straggler_max_rate': 'share',
        'exactly_once__cause_path_names': 'positive number',
        'exactly_once__impact_dimensions': 'list of names',
        'exactly_once__alert_thresholds': 'thresholds',
        'exactly_once__benign_max_score': 'score',
        'exactly_once__material_min_score': 'score',
        'exactly_once__deduplicate': 'true or false',
        'exactly_once__max_copy_rate': 'share or null',
        'exactly_once__build_candidate': 'true or false',
        'exactly_once__build_replaced': 'name or null',
        'exactly_once__warehouses': 'warehouses',
        'exactly_once__clustering_key': 'clustering key',
        'exactly_once__curated_names': 'curated names',
        'exactly_once__project_commit': 'name or null',
        'incident_id': 'name or null',
        'incident_start': 'time or null',
        'incident_end': 'time or null'
    }) -}}
{% endmacro %}


{% macro _refuse_unknown_vars() %}
    {#- A name is ours by how it begins, or by where it stands; one that stands elsewhere too is another's. -#}
    {%- set given = exactly_once._given_vars() -%}
    {%- set known = exactly_once._known_vars() -%}
    {%- for name in given.elsewhere + given.scoped if name is string and name not in known
        and (name.startswith('exactly_once_') or name not in given.elsewhere) -%}
        {%- do exactly_once._refuse(
            'var ' ~ name, 'a var that this package does not have',
            known.keys() | select('in', exactly_once._alike(name, known.keys())) | join(', ')
            or known.keys() | join(', '),
            'Correct the name, or remove it.'
        ) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _given_vars() %}
    {#- Names of the vars that are set: {scoped: under `exactly_once` in the project's vars, elsewhere: others}. -#}
    {%- set scoped, elsewhere = [], [] -%}
    {%- set cli_vars = invocation_args_dict.get('vars') or {} -%}
    {%- do elsewhere.extend((fromyaml(cli_vars) if cli_vars is string else cli_vars) or {}) -%}
    {%- if var.packages_for_node is defined -%}
        {%- set root = var.packages_for_node() | list | last -%}
        {%- set packages = root.load_dependencies() -%}
        {%- for project in [root, packages.get('exactly_once', root)] -%}
            {%- for name, value in project.vars.vars.items() -%}
                {%- if name not in packages -%}{%- do elsewhere.append(name) -%}{%- endif -%}
                {%- set names = scoped if name == 'exactly_once' else elsewhere -%}
                {%- if value is mapping -%}{%- do names.extend(value) -%}{%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return({'scoped': scoped, 'elsewhere': elsewhere}) -}}
{% endmacro %}


{% macro _alike(name, known_names) %}
    {#- Names that share the most of their letter pairs with the one given: enough to spot a typo. -#}
    {%- set scored = [] -%}
    {%- set pairs = exactly_once._letter_pairs(name) -%}
    {%- for known_name in known_names -%}
        {%- set known_pairs = exactly_once._letter_pairs(known_name) -%}
        {%- set shared = known_pairs | select('in', pairs) | list | length -%}
        {%- set longest = [pairs | length, known_pairs | length, 1] | max -%}
        {%- if shared / longest >= 0.7 -%}{%- do scored.append(known_name) -%}{%- endif -%}
    {%- endfor -%}
    {{- return(scored) -}}
{% endmacro %}


{% macro _letter_pairs(name) %}
    {%- set text = modules.re.sub('^exactly_once_+', '', name) -%}
    {%- set pairs = [] -%}
    {%- for i in range(text | length - 1) -%}{%- do pairs.append(text[i:i + 2]) -%}{%- endfor -%}
    {{- return(pairs | unique | list) -}}
{% endmacro %}


{% macro _checked_var(name, kind, value) %}
    {%- set what = 'var ' ~ name -%}
    {%- if value is none and kind.endswith('or null') -%}
        {{- return(none) -}}
    {%- elif kind in ('name', 'name or null') -%}
        {%- if value is not string or value | trim == '' -%}
            {%- do exactly_once._refuse(what, value, 'a ' ~ kind, 'Set it to one name, as text.') -%}
        {%- endif -%}
    {%- elif kind == 'true or false' -%}
        {%- if value is not boolean -%}
            {%- do exactly_once._refuse(what, value, kind, 'Set it to true or false, without quotes.') -%}
        {%- endif -%}
    {%- elif kind in ('positive number', 'positive number or null', 'share', 'share or null') -%}
        {#- infinity and NaN are numbers too -#}
        {%- if value is not number or value is boolean or not 0 < value < 1e18 or (kind.startswith('share') and value >= 1) -%}
            {%- do exactly_once._refuse(
                what, value,
                'a number above 0' ~ (' and below 1' if kind.startswith('share') else '') ~ (', or null' if kind.endswith('or null') else ''), 'Set it to such a number.'
            ) -%}
        {%- endif -%}
    {%- elif kind == 'score' -%}
        {%- if value is not number or value is boolean or not 0 <= value <= 1 -%}
            {%- do exactly_once._refuse(what, value, 'a number from 0 to 1', 'Set it to such a number.') -%}
        {%- endif -%}
    {%- elif kind == 'time or null' -%}
        {{- return(exactly_once._parsed_time(what, value)) -}}
    {%- elif kind in ('list of paths', 'list of names') -%}
        {%- set names = 'payload paths, such as [op.id]' if kind == 'list of paths'
            else 'columns and payload paths, such as [country]' -%}
        {{- return(exactly_once._checked_names(what, value, names)) -}}
    {%- elif kind == 'key columns' -%}
        {{- return(exactly_once._key_columns(what, value)) -}}
    {%- elif kind == 'event types' -%}
        {{- return(exactly_once._event_types(what, value)) -}}
    {%- elif kind == 'thresholds' -%}
        {{- return(exactly_once._thresholds(what, value)) -}}
    {%- elif kind == 'warehouses' -%}
        {{- return(exactly_once._warehouses(what, value)) -}}
    {%- elif kind == 'curated names' -%}
        {{- return(exactly_once._curated_names(what, value)) -}}
    {%- elif kind == 'clustering key' and value is not none and value is not false and value is not string -%}
        {%- do exactly_once._refuse(what, value, 'SQL text, false or null', 'Write the expressions as one text.') -%}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}


{% macro _checked_names(what, value, kind) %}
    {#- A list of names or dotted paths, each once. -#}
    {%- if value is string or value is mapping or value is not iterable -%}
        {%- do exactly_once._refuse(what, value, 'a list of ' ~ kind, 'Write it as a list.') -%}
    {%- endif -%}
    {%- for path in value -%}
        {%- if value | select('equalto', path) | list | length > 1 -%}
            {%- do exactly_once._refuse(what, path ~ ' twice', 'each once', 'Remove one of the two.') -%}
        {%- endif -%}
        {%- if path is not string or not modules.re.match('^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$', path) -%}
            {%- do exactly_once._refuse(
                what, path, 'names of letters, digits, _ and -, joined by dots', 'Correct the path.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(value) -}}
{% endmacro %}


{% macro _key_columns(what, value) %}
    {#- Each entry as {name, normalize, cast}. -#}
    {%- set accepted = 'a list of column names, or of {name, normalize: [trim, upper, lower], cast: a SQL type}' -%}
    {%- if value is string or value is mapping or value is not iterable or value | length == 0 -%}
        {%- do exactly_once._refuse(what, value, accepted, 'Write it as a list with at least one column.') -%}
    {%- endif -%}
    {%- set columns = [] -%}
    {%- for entry in value -%}
        {%- set column = {'name': entry} if entry is string else entry -%}
        {%- if not exactly_once._fits_key(column, ['name', 'normalize', 'cast']) or column.get('name') is not string -%}
            {%- do exactly_once._refuse(what, entry, accepted, 'Correct this entry.') -%}
        {%- endif -%}
        {%- if column.name | lower in columns | map(attribute='name') | map('lower') -%}
            {%- do exactly_once._refuse(what, column.name ~ ' twice', 'each column once', 'Remove one of the two.') -%}
        {%- endif -%}
        {%- do columns.append({
            'name': column.name, 'normalize': column.get('normalize', []), 'cast': column.get('cast')
        }) -%}
    {%- endfor -%}
    {{- return(columns) -}}
{% endmacro %}


{% macro _fits_key(column, names) %}
    {#- Whether it is a mapping of such names, and its normalisers and its cast are ones. -#}
    {%- if column is not mapping or column.keys() | reject('in', names) | list -%}{{- return(false) -}}{%- endif -%}
    {%- set normalisers = column.get('normalize', []) -%}
    {%- set cast = column.get('cast') -%}
    {{- return(
        normalisers is iterable and normalisers is not string
        and normalisers | reject('in', ['trim', 'upper', 'lower']) | list == []
        and (cast is none or modules.re.match('^[A-Za-z0-9_ ]+([(][0-9, ]+[)])?$', cast | string) is not none)
    ) -}}
{% endmacro %}


{% macro _event_types(what, value) %}
    {#- The lists of source spellings, under the four names of the payment lifecycle. -#}
    {%- set names = ['authorized', 'captured', 'refunded', 'chargeback'] -%}
    {%- set accepted = 'a mapping of ' ~ names | join(', ') ~ ' to the event types of the source' -%}
    {%- if value is not mapping or value.keys() | sort | list != names | sort | list -%}
        {%- do exactly_once._refuse(what, value, accepted, 'Name all four, and no other.') -%}
    {%- endif -%}
    {%- set types = {} -%}
    {%- for name in names -%}
        {%- set spellings = [value[name]] if value[name] is string else value[name] -%}
        {%- if spellings is mapping or spellings is not iterable or spellings | reject('string') | list -%}
            {%- do exactly_once._refuse(what ~ ', ' ~ name, value[name], 'a list of text', 'Correct this entry.') -%}
        {%- endif -%}
        {%- do types.update({name: spellings | list}) -%}
    {%- endfor -%}
    {{- return(types) -}}
{% endmacro %}


{% macro _thresholds(what, value) %}
    {%- set features = [
        'authorized_count', 'captured_count', 'refunded_count', 'chargeback_count', 'authorized_cents',
        'distinct_payments', 'captures_per_authorization', 'chargeback_rate'
    ] -%}
    {%- set numbers = value.values() | select('number') | reject('boolean') | list if value is mapping else [] -%}
    {#- infinity and NaN are numbers too -#}
    {%- if value is not mapping or value.keys() | reject('in', features) | list or numbers | length != value | length
        or numbers | reject('lt', 1e18) | list or numbers | reject('gt', -1e18) | list -%}
        {%- do exactly_once._refuse(
            what, value, 'a mapping of ' ~ features | join(', ') ~ ' to numbers', 'Correct the entries.'
        ) -%}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}


{% macro _renameable() %}
    {#- The models whose tables a var names; others have their own alias. -#}
    {{- return(['payments', 'fraud_features']) -}}
{% endmacro %}


{% macro _curated_names(what, value) %}
    {#- What a step adds to a name tells candidates and replaced tables from live: no name may have it already. -#}
    {%- set models = exactly_once._renameable() -%}
    {%- set accepted = 'a mapping of ' ~ models | join(', ') ~ ' to names of letters, digits and single _' -%}
    {%- if value is none -%}{{- return({}) -}}{%- endif -%}
    {%- if value is not mapping or value.keys() | reject('in', models) | list -%}
        {%- do exactly_once._refuse(what, value, accepted, 'Correct the entries.') -%}
    {%- endif -%}
    {%- for model_name, name in value.items()
        if name is not string or not modules.re.match('^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$', name) -%}
        {%- do exactly_once._refuse(what ~ ', ' ~ model_name, name, accepted, 'Correct this entry.') -%}
    {%- endfor -%}
    {%- set names = ['incremental_watermarks'] -%}
    {%- for model_name in models -%}{%- do names.append(value.get(model_name, model_name) | lower) -%}{%- endfor -%}
    {%- if names | unique | list | length < names | length -%}
        {%- do exactly_once._refuse(what, value, 'a name for each that no table beside it has', 'Correct the entries.') -%}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}


{% macro _warehouses(what, value) %}
    {%- set jobs = ['fifteen_minute', 'detection', 'remediation', 'monitoring'] -%}
    {%- if value is none -%}{{- return({}) -}}{%- endif -%}
    {%- if value is not mapping or value.keys() | reject('in', jobs) | list or value.values() | reject('string') | list -%}
        {%- do exactly_once._refuse(
            what, value, 'a mapping of ' ~ jobs | join(', ') ~ ' to names of warehouses', 'Correct the entries.'
        ) -%}
    {%- endif -%}
    {{- return(value) -}}
{% endmacro %}


{% macro _check_columns(found) %}
    {#- The columns that the curated models need, by name or by position in the key. -#}
    {%- set key = found.fingerprint_columns | map(attribute='name') | list -%}
    {%- set lower_key = key | map('lower') | list -%}
    {%- for role, usual in [
        ('payment_id_column', 'payment_id'), ('event_type_column', 'event_type'),
        ('amount_column', 'amount_cents'), ('currency_column', 'currency')
    ] if found[role] is none -%}
        {%- if usual in lower_key -%}
            {%- do found.update({role: key[lower_key.index(usual)]}) -%}
        {%- elif key | length > loop.index0 -%}
            {%- do found.update({role: key[loop.index0]}) -%}
        {%- else -%}
            {%- do exactly_once._refuse(
                'var exactly_once__' ~ role, 'nothing, and too few fingerprint columns to tell it from',
                'a column of the source', 'Set it to the column that holds the ' ~ role | replace('_column', '') | replace('_', ' ') ~ '.'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if found.payload_identity_paths and found.payload_column is none -%}
        {%- do exactly_once._refuse(
            'var exactly_once__payload_identity_paths', found.payload_identity_paths,
            '[] while exactly_once__payload_column is null', 'Name the payload column, or remove the paths.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_window(found) %}
    {%- set start, end = found.incident_start, found.incident_end -%}
    {%- if (start is none) != (end is none) -%}
        {%- do exactly_once._refuse(
            'the incident window', 'incident_start ' ~ start ~ ', incident_end ' ~ end,
            'both, or neither (then the window is detected)', 'Give the missing one.'
        ) -%}
    {%- elif start is not none and end <= start -%}
        {%- do exactly_once._refuse(
            'the incident window', 'incident_start ' ~ start ~ ', incident_end ' ~ end ~ ' (UTC)',
            'an end later than the start',
            'Give the end of the window.' if end == start else 'Exchange the two, or correct the dates.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_bound(found) %}
    {#- What would read the source whole, or from the same place in each run, can't be done in pieces. -#}
    {%- if found.max_hours_per_run is not none -%}
        {%- if not found.deduplicate -%}
            {%- do exactly_once._refuse(
                'var exactly_once__max_hours_per_run', found.max_hours_per_run ~ ' while exactly_once__deduplicate is false',
                'null while the guard is off, since the curated models then read the source itself',
                'Set it to null, or exactly_once__deduplicate to true.'
            ) -%}
        {%- elif found.reprocess_from is not none -%}
            {%- do exactly_once._refuse(
                'var exactly_once__max_hours_per_run', found.max_hours_per_run ~ ' while exactly_once__reprocess_from is '
                ~ found.reprocess_from, 'null for the run that reads the source again, which does so at once',
                'Set it to null for that run, or remove exactly_once__reprocess_from.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
