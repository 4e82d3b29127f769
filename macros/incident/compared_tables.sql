{% macro compared_tables() %}
    {#-
        What incident_impact_on_measures compares: [{name, before, after, measures}] of each model tagged exactly_once_curated,
        its own ones of the installing project too. `before` is the table as the incident left it; `after` its
        candidate once that is repaired, the live table once that is swapped, or none. Measures are {name: SQL of its
        total}: the rows, and the columns that the model's config names: meta={'impact_measures': [..]}.
    -#}
    {%- if not execute -%}{{- return([]) -}}{%- endif -%}
    {%- set incident_id = exactly_once.decided_incident() -%}
    {%- set compared = [] -%}
    {%- for table in exactly_once.curated_relations(incident_id or '') -%}
        {%- set is_repaired = incident_id and exactly_once._recorded(table.candidate, 'repaired_for') == incident_id -%}
        {%- set is_swapped = incident_id and exactly_once._is_there(table.replaced) -%}
        {%- set before = exactly_once.table_before_repair(table.live) -%}
        {%- do compared.append({
            'name': table.name,
            'before': before,
            'after': table.live if is_swapped else (table.candidate if is_repaired else none),
            'measures': exactly_once._impact_measures(table.name, before)
        }) -%}
    {%- endfor -%}
    {{- return(compared) -}}
{% endmacro %}


{% macro _impact_measures(name, relation) %}
    {%- set measures = {'row_count': 'count(*)'} -%}
    {%- set columns = {} -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do columns.update({column.name | lower: column}) -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values()
        if columns and node.resource_type == 'model' and node.name == name and 'exactly_once_curated' in node.tags -%}
        {%- for measure in node.config.get('meta', {}).get('impact_measures', []) -%}
            {%- set column = columns[measure | string | lower] -%}
            {%- if measure | string | lower == 'row_count' -%}
                {%- do exactly_once._refuse(
                    'impact_measures of model ' ~ name, measure, 'other names than that of the number of rows',
                    'It is compared anyway. For the total of a column of that name give the column another one.'
                ) -%}
            {%- elif not column -%}
                {%- do exactly_once._refuse(
                    'impact_measures of model ' ~ name, measure,
                    'columns of ' ~ relation ~ ': ' ~ columns.values() | map(attribute='name') | join(', '),
                    "Correct it in the model's config, under meta."
                ) -%}
            {%- endif -%}
            {%- set total = 'coalesce(sum(' ~ adapter.quote(column.name) ~ '), 0)' -%}
            {%- if exactly_once.type_family(column.data_type) == 'float' -%}
                {#- NaN is greater than any number -#}
                {%- set total = 'case when abs(' ~ total ~ ') < 1e32 then ' ~ total ~ ' end' -%}
            {%- endif -%}
            {%- do measures.update({measure: total}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(measures) -}}
{% endmacro %}


{% macro _selected_totals(measures) %}
    {#- Each total of {measure: SQL} as total_1, total_2, ..: a measure may have any name. -#}
    {%- set totals = [] -%}
    {%- for total in measures.values() -%}
        {%- do totals.append('cast(' ~ total ~ ' as decimal(38, 6)) as total_' ~ loop.index) -%}
    {%- endfor -%}
    {{- return(totals | join(',\n        ')) -}}
{% endmacro %}
