{% macro show_config() %}
    {#-
        Run-operation. Says which configuration is in force: each var with its value and where that came from, the
        source and the part that each of its columns plays, and what looks wrong. Reads only the columns of the
        source and a thousand of its rows.
    -#}
    {%- do exactly_once.tag_queries('show_config') -%}
    {%- do exactly_once.check_session() -%}
    {%- do exactly_once.settings() -%}
    {%- do log('exactly_once ' ~ exactly_once._package_version() ~ ' on ' ~ target.type ~ ', target ' ~ target.name, info=true) -%}
    {%- do log('', info=true) -%}
    {%- set places = exactly_once._where_vars_are_set() -%}
    {%- set rows = [] -%}
    {%- for name in exactly_once._known_vars() -%}
        {%- do rows.append([name, places.get(name, 'default'), exactly_once._value_as_text(var(name, none))]) -%}
    {%- endfor -%}
    {%- do exactly_once._log_table(['var', 'from', 'value'], rows, 3) -%}
    {%- do log('', info=true) -%}
    {%- set columns = exactly_once.source_columns() -%}
    {%- do log('The source is ' ~ columns.relation, info=true) -%}
    {%- do exactly_once._log_table(['column', 'kind', 'part'], exactly_once._parts_of_columns(columns), 3) -%}
    {%- do log('', info=true) -%}
    {%- set doubts = exactly_once._doubts_about_config(columns) -%}
    {%- do log('What looks wrong: ' ~ ('' if doubts else 'nothing'), info=true) -%}
    {%- for doubt in doubts -%}{%- do log('  - ' ~ doubt, info=true) -%}{%- endfor -%}
{% endmacro %}


{% macro _value_as_text(value) %}
    {#- As JSON; a date that YAML has read as one is none there. -#}
    {{- return(value.isoformat() if value.isoformat is defined else tojson(value)) -}}
{% endmacro %}


{% macro _where_vars_are_set() %}
    {#- {var: place}, for those that are not left to this package's own dbt_project.yml. -#}
    {%- set places = {} -%}
    {%- if var.packages_for_node is defined -%}
        {#- the package comes first, then the project that installs it, whose vars win -#}
        {%- for project in var.packages_for_node() if project.project_name != 'exactly_once' -%}
            {%- set given = project.vars.vars -%}
            {%- for vars in [given, given.get('exactly_once', {})] -%}
                {%- for name in vars -%}{%- do places.update({name: 'dbt_project.yml of ' ~ project.project_name}) -%}{%- endfor -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set cli_vars = invocation_args_dict.get('vars') or {} -%}
    {%- for name in (fromyaml(cli_vars) if cli_vars is string else cli_vars) or {} -%}
        {%- do places.update({name: '--vars'}) -%}
    {%- endfor -%}
    {{- return(places) -}}
{% endmacro %}


{% macro _parts_of_columns(columns) %}
    {#- [[column, kind of type, parts]]; a column without a part is passed on as it is. -#}
    {%- set rows = [] -%}
    {%- set key_names = columns.key | map(attribute='name') | list -%}
    {%- for column in columns.all -%}
        {%- set parts = ['key'] if column.name in key_names else [] -%}
        {%- for role in [
            'event_time', 'arrival_time', 'event_id', 'payload', 'payment_id', 'event_type', 'amount', 'currency', 'merchant_id'
        ] if columns[role] is not none and columns[role].name == column.name -%}
            {%- do parts.append(role | replace('_', ' ')) -%}
        {%- endfor -%}
        {%- do rows.append([column.name, exactly_once.type_family(column.type), parts | join(', ') or 'passed on']) -%}
    {%- endfor -%}
    {{- return(rows) -}}
{% endmacro %}


{% macro _doubts_about_config(columns) %}
    {#- What is accepted, and yet seldom meant: each with what to do. -#}
    {%- set settings = exactly_once.settings() -%}
    {%- set key_names = columns.key | map(attribute='name') | list -%}
    {%- set doubts = [] -%}
    {%- for role in ['arrival_time', 'event_id'] if columns[role] is not none and columns[role].name in key_names -%}
        {%- do doubts.append(
            columns[role].name ~ ', the ' ~ role | replace('_', ' ') ~ ', is in the key: copies that differ in it count as two'
            ~ ' events. Leave it out of exactly_once__fingerprint_columns.'
        ) -%}
    {%- endfor -%}
    {%- if columns.event_time.name not in columns.key | rejectattr('cast') | map(attribute='name') | list -%}
        {%- do doubts.append(
            columns.event_time.name ~ ', the event time, is not in the key as it is: each run searches the whole history for'
            ~ ' copies. Add it to exactly_once__fingerprint_columns.'
        ) -%}
    {%- endif -%}
    {%- if columns.merchant_id is none -%}
        {%- do doubts.append(
            'the source has no merchant_id: fraud_features has one row an hour. Name the column in exactly_once__merchant_id_column.'
        ) -%}
    {%- endif -%}
    {%- if not settings.deduplicate -%}
        {%- do doubts.append(
            'exactly_once__deduplicate is false: the curated models take in every copy. guard_report says what that lets in.'
        ) -%}
    {%- endif -%}
    {%- set uncounted = exactly_once._event_types_that_count_nowhere(columns, settings.event_types) -%}
    {%- if uncounted -%}
        {%- do doubts.append(
            'in a thousand rows, values of ' ~ columns.event_type.name ~ ', the event type, that no entry of'
            ~ ' exactly_once__event_types has: ' ~ uncounted[:5] | join(', ')
            ~ (' and ' ~ (uncounted | length - 5) ~ ' others' if uncounted | length > 5 else '')
            ~ '. Their events count in event_count alone: add those that are payments.'
        ) -%}
    {%- endif -%}
    {%- set timed, sane = exactly_once._sampled_times(columns) -%}
    {%- if sane < timed / 2 -%}
        {%- do doubts.append(
            'of ' ~ timed ~ ' sampled rows, ' ~ (timed - sane) ~ ' arrived more than ' ~ settings.late_arrival_hours
            ~ ' hours before or after their event: where that is the rule, each run reads the source whole. Raise'
            ~ ' exactly_once__late_arrival_hours, or put a view before a time that is not in UTC.'
        ) -%}
    {%- endif -%}
    {%- set known = exactly_once._known_vars() -%}
    {%- for name in exactly_once._given_vars().elsewhere | unique if name is string and name not in known -%}
        {%- for meant in exactly_once._alike(name, ['incident_id', 'incident_start', 'incident_end']) -%}
            {%- do doubts.append(
                'the var ' ~ name ~ ' is none of this package, which has ' ~ meant
                ~ '. Correct the name, unless it is your own.'
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for name in exactly_once._seeds_of_people() if exactly_once._nodes_of(name) | length > 1 -%}
        {%- do doubts.append(
            'the seed ' ~ name ~ ' is in exactly_once and in ' ~ project_name ~ ', and what reads it stops.'
            ~ " Switch the package's off in dbt_project.yml: seeds: {exactly_once: {+enabled: false}}"
        ) -%}
    {%- endfor -%}
    {%- set policies = exactly_once._nodes_of('payload_field_policy') -%}
    {%- if project_name != 'exactly_once' and columns.payload is not none
        and policies | map(attribute='package_name') | list == ['exactly_once'] -%}
        {%- do doubts.append(
            'payload_field_policy is that of exactly_once, for the payloads of its demo: copies that differ below delivery, or in'
            ~ ' producer.host, alone would be taken for the same. Before an incident, put one for yours into your project.'
        ) -%}
    {%- endif -%}
    {%- if settings.build_candidate and exactly_once._where_vars_are_set().get('exactly_once__build_candidate') != '--vars' -%}
        {%- do doubts.append(
            'exactly_once__build_candidate is true in dbt_project.yml: the regular job would build candidates, not the live'
            ~ ' tables. Give it with --vars, in the build of a remediation.'
        ) -%}
    {%- endif -%}
    {%- if settings.build_replaced is not none and exactly_once._where_vars_are_set().get('exactly_once__build_replaced') != '--vars' -%}
        {%- do doubts.append(
            'exactly_once__build_replaced is set in dbt_project.yml: the regular job would build the tables that a swap replaced,'
            ~ ' not the live ones. Give it with --vars, before a rollback.'
        ) -%}
    {%- endif -%}
    {{- return(doubts) -}}
{% endmacro %}


{% macro _sampled_times(columns) %}
    {#- Among a thousand rows of the source: [how many have both times, in how many of these they move a watermark]. -#}
    {%- set timed = columns.arrival_time.sql ~ ' is not null and ' ~ columns.event_time.sql ~ ' is not null' -%}
    {%- set counts = run_query(
        'select count(*) as timed, count(case when ' ~ exactly_once.has_sane_times(columns) ~ ' then 1 end) as sane from (select * from '
        ~ columns.relation ~ ' limit 1000) as sampled_rows where ' ~ timed
    ).rows[0].values() -%}
    {{- return([counts[0] | int, counts[1] | int]) -}}
{% endmacro %}


{% macro _event_types_that_count_nowhere(columns, event_types) %}
    {#- Among a thousand rows of the source, sorted. -#}
    {%- set counted = [] -%}
    {%- for spellings in event_types.values() -%}{%- do counted.extend(spellings) -%}{%- endfor -%}
    {%- set found = run_query(
        'select distinct event_type from (select ' ~ exactly_once.key_value(columns, columns.event_type)
        ~ ' as event_type from ' ~ columns.relation ~ ' limit 1000) as sampled where event_type is not null order by 1'
    ).columns[0].values() -%}
    {{- return(found | map('string') | reject('in', counted) | list) -}}
{% endmacro %}
