{% macro _check_curated_names() %}
    {#-
        What a repair keeps is found by the name of its table. A curated table that was renamed since would be taken for one
        without a repair: built anew beside its candidate, and its old table never rolled back or retired.
    -#}
    {%- set tables = exactly_once.curated_relations('') if execute else [] -%}
    {%- for kept in exactly_once._kept_tables(tables) -%}
        {%- set places, unknown, models, names = [], [], [], [] -%}
        {%- for name, place in kept.places.items() if name not in tables | map(attribute='live.identifier') | map('lower') -%}
            {#- who renames a model leaves its table; another one that somebody put among those kept is not of live -#}
            {%- if exactly_once._is_there(kept.live.incorporate(path={'identifier': name})) -%}
                {%- do unknown.append(name) -%}
                {%- do places.append(place) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for table in tables if table.name in exactly_once._renameable() and table.live.identifier | lower not in kept.places
            and exactly_once._catalog_key(table.live.without_identifier()) == exactly_once._catalog_key(kept.live.without_identifier()) -%}
            {%- do models.append(table.name) -%}
            {%- do names.append(table.live.identifier) -%}
        {%- endfor -%}
        {#- one of the two alone is a model that was added, or switched off, since; and ours alone are named by the var -#}
        {%- if unknown and models -%}
            {%- do exactly_once._refuse(
                'the names of the curated tables (var exactly_once__curated_names)',
                places | join(', ') ~ ', of incident ' ~ kept.incident_id
                ~ ', while ' ~ models | join(', ') ~ (' is' if models | length == 1 else ' are') ~ ' named ' ~ names | join(', '),
                'the same names from remediation_clone to remediation_retire',
                'Set the names back to ' ~ unknown | join(', ') ~ ' until the incident is retired, or, if nothing of it was swapped, '
                ~ 'its candidates are dropped; what is next then: ' ~ exactly_once._verb_command('remediation_status', kept.incident_id)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}


{% macro _check_curated_names_of_run() %}
    {#- For on-run-start: only where a curated model is built, or one of ours that reads them. -#}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set curated, concerned = [], [] -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' and 'exactly_once_curated' in node.tags -%}
            {%- do curated.append(node.unique_id) -%}
        {%- endfor -%}
        {%- for node in graph.nodes.values() if node.unique_id in selected_resources and node.resource_type == 'model' and (
            node.unique_id in curated
            or (node.package_name == 'exactly_once' and node.depends_on.nodes | select('in', curated) | list)
        ) -%}
            {%- do concerned.append(node.unique_id) -%}
        {%- endfor -%}
        {%- if concerned -%}{%- do exactly_once._check_curated_names() -%}{%- endif -%}
    {%- endif -%}
{% endmacro %}


{% macro _kept_tables(tables) %}
    {#-
        What repairs keep beside live, one entry a step: [{incident_id, live, places: {the name of live in lower case: what is
        kept of it}}], `live` being a table of its schema. Where schemas are swapped, of each schema that bears a marker.
    -#}
    {%- set found, schemas = {}, {} -%}
    {%- for table in tables -%}
        {%- do schemas.update({exactly_once._catalog_key(table.live.without_identifier()): table.live}) -%}
    {%- endfor -%}
    {%- for live in schemas.values() -%}
        {%- for name, comment in exactly_once._commented_beside(live) -%}
            {%- set marker = exactly_once._parsed_marker(comment) or {} -%}
            {%- set incident_id = marker.incident_id or marker.replaced_for or marker.withdrawn_for -%}
            {%- if incident_id and exactly_once._swaps_schemas() -%}
                {%- set schema = live.incorporate(path={'schema': name}) -%}
                {%- set own = exactly_once.model_relation('incremental_watermarks').identifier | lower -%}
                {%- set places = {} -%}
                {%- for kept in exactly_once._tables_in_schema_of(schema.quote(schema=true)) if kept | lower != own -%}
                    {%- do places.update({kept | lower: name ~ '.' ~ kept}) -%}
                {%- endfor -%}
                {%- do found.update({name: {'incident_id': incident_id, 'live': live, 'places': places}}) -%}
            {%- elif incident_id -%}
                {%- set parts = modules.re.match('(.+)(__candidate|__replaced_.*|__withdrawn_.*)$', name | lower) -%}
                {%- if parts -%}
                    {%- set kept = found.setdefault((live.schema, parts.group(2)), {
                        'incident_id': incident_id, 'live': live, 'places': {}
                    }) -%}
                    {%- do kept.places.update({parts.group(1): live.incorporate(path={'identifier': name}) | string}) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found.values() | list) -}}
{% endmacro %}
