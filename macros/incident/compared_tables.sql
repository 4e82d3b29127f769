{% macro compared_tables() %}
    {#-
        What incident_impact_on_measures compares: [{name, before, after, currency, measures}] of each model tagged
        exactly_once_curated, own ones of the installing project too. `before` is the table as the incident left it;
        `after` its candidate once that is repaired, the live table once that is swapped, or none. `currency` is the
        SQL of the column that the model's config names, or none: meta={'impact_currency': ..}. Measures are {name: SQL
        of its total}: the rows, and the columns of meta={'impact_measures': [..]}.
    -#}
    {%- if not execute -%}{{- return([]) -}}{%- endif -%}
    {%- set incident_id = exactly_once.decided_incident() -%}
    {%- set compared = [] -%}
    {%- for table in exactly_once.curated_relations(incident_id or '') -%}
        {%- set is_repaired = incident_id and exactly_once._recorded(table.candidate, 'repaired_for') == incident_id -%}
        {%- set is_swapped = incident_id and exactly_once._is_there(table.replaced) -%}
        {%- set before = exactly_once.table_before_repair(table.live) -%}
        {%- set columns = adapter.get_columns_in_relation(before) -%}
        {%- do compared.append({
            'name': table.name,
            'before': before,
            'after': table.live if is_swapped else (table.candidate if is_repaired else none),
            'currency': exactly_once._impact_currency(table, before, columns),
            'measures': exactly_once._impact_totals(table, before, columns)
        }) -%}
    {%- endfor -%}
    {{- return(compared) -}}
{% endmacro %}


{% macro _impact_currency(table, relation, columns) %}
    {#- The column of the amounts' currency, as text; none if the table has no one currency in a row. -#}
    {%- if table.currency is none or not columns -%}{{- return(none) -}}{%- endif -%}
    {%- set column = exactly_once._impact_column('impact_currency', table, table.currency, relation, columns) -%}
    {{- return('cast(' ~ adapter.quote(column.name) ~ ' as varchar)') -}}
{% endmacro %}


{% macro _impact_totals(table, relation, columns) %}
    {%- set totals = {'row_count': 'count(*)'} -%}
    {%- for measure in table.measures if columns -%}
        {%- if measure | string | lower == 'row_count' -%}
            {%- do exactly_once._refuse(
                'impact_measures of model ' ~ table.name, measure, 'other names than that of the number of rows',
                'It is compared anyway. For the total of a column of that name give the column another one.'
            ) -%}
        {%- endif -%}
        {%- set column = exactly_once._impact_column('impact_measures', table, measure, relation, columns) -%}
        {%- set total = 'coalesce(sum(' ~ adapter.quote(column.name) ~ '), 0)' -%}
        {%- if exactly_once.type_family(column.data_type) == 'float' -%}
            {#- NaN is greater than any number -#}
            {%- set total = 'case when abs(' ~ total ~ ') < 1e32 then ' ~ total ~ ' end' -%}
        {%- endif -%}
        {%- do totals.update({measure: total}) -%}
    {%- endfor -%}
    {{- return(totals) -}}
{% endmacro %}


{% macro _impact_column(what, table, name, relation, columns) %}
    {%- for column in columns if column.name | lower == name | string | lower -%}
        {{- return(column) -}}
    {%- endfor -%}
    {%- do exactly_once._refuse(
        what ~ ' of model ' ~ table.name, name,
        'columns of ' ~ relation ~ ': ' ~ columns | map(attribute='name') | join(', '),
        "Correct it in the model's config, under meta."
    ) -%}
{% endmacro %}


{% macro _selected_totals(measures) %}
    {#- Each total of {measure: SQL} as total_1, total_2, ..: a measure may have any name. -#}
    {%- set totals = [] -%}
    {%- for total in measures.values() -%}
        {%- do totals.append('cast(' ~ total ~ ' as decimal(38, 6)) as total_' ~ loop.index) -%}
    {%- endfor -%}
    {{- return(totals | join(',\n        ')) -}}
{% endmacro %}
