{% macro volatile_paths() %}
    {#-
        The payload paths that payload_field_policy calls volatile and SQL can take out whole, as
        [{names: [delivery], is_members: true}]: members for a pattern that ends in .*, else the value. What a
        longer pattern judges otherwise, what has a wildcard inside and what is below an array is left to
        incident_payload_variance. Empty before the first dbt seed.
    -#}
    {%- if not execute -%}{{- return([]) -}}{%- endif -%}
    {%- set policy = exactly_once.model_relation('payload_field_policy') -%}
    {%- if not exactly_once._is_there(policy) -%}{{- return([]) -}}{%- endif -%}
    {%- set volatile, others, paths = [], [], [] -%}
    {%- for row in exactly_once._ask('select path_pattern, field_class from ' ~ policy ~ ' order by path_pattern').rows -%}
        {%- if '[]' in row[0][:-2] -%}
            {%- do exceptions.warn(
                '[exactly_once] payload_field_policy: found ' ~ row[0] ~ ', where [] before the end is a name that no payload has;'
                ~ ' write * for any place in an array.'
            ) -%}
        {%- endif -%}
        {%- set names = (row[0][:-2] if row[0].endswith('[]') else row[0]).split('.') -%}
        {%- do (volatile if row[1] == 'volatile' else others).append(names) -%}
    {%- endfor -%}
    {%- for names in volatile -%}
        {%- set is_members = names | length > 1 and names[-1] == '*' -%}
        {%- set exact = names[:-1] if is_members else names -%}
        {%- set contradicted = [] -%}
        {%- for other in others if other | length >= names | length -%}
            {%- set unlike = [] -%}
            {%- for name in names if '*' not in (name, other[loop.index0]) and name != other[loop.index0] -%}
                {%- do unlike.append(name) -%}
            {%- endfor -%}
            {%- if not unlike -%}{%- do contradicted.append(other) -%}{%- endif -%}
        {%- endfor -%}
        {%- if not contradicted and modules.re.match('^[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*$', exact | join('.')) -%}
            {%- do paths.append({'names': exact, 'is_members': is_members}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(paths) -}}
{% endmacro %}


{% macro _volatile_tree(paths) %}
    {#- The paths as {name: 'value', 'members' or a tree of what is below}; what a shorter path takes out is left out. -#}
    {%- set tree, below = {}, {} -%}
    {%- for path in paths -%}
        {%- set name = path.names[0] -%}
        {%- if path.names | length > 1 -%}
            {%- do below.setdefault(name, []).append({'names': path.names[1:], 'is_members': path.is_members}) -%}
        {%- elif not path.is_members or tree.get(name) != 'value' -%}
            {%- do tree.update({name: 'members' if path.is_members else 'value'}) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name, deeper in below.items() if name not in tree -%}
        {%- do tree.update({name: exactly_once._volatile_tree(deeper)}) -%}
    {%- endfor -%}
    {{- return(tree) -}}
{% endmacro %}
