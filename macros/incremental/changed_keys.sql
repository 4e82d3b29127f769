{% macro changed_keys(keys, predicate='true', copies=none, watermark=none, columns=none) %}
    {#-
        A query for the keys that a curated model must compute again; every key if it is built from scratch.
        In a regular run: those of copies that arrived since the watermark of this model, less the lookback, and have
        been taken in. Of copies, not of events: a copy that an earlier one replaces may have counted under another key.
        In a candidate: those and the keys of every event that the incident's decisions remove a copy of, or on
        which a reviewer gave a verdict, and of the copies in its reach that are in quarantine.
        keys: {column name: SQL over the columns of the source}. Call it outside `if is_incremental()`: dbt
        finds what a model depends on without running it.
        predicate: on the events whose keys are listed. A model that reads events by literal bounds passes the
        same bounds, so that what lands after they were found waits for the next run as a whole.
        copies: another relation than stg_events, with no mark and no repair of ours: then `watermark` says how far the
        caller has taken its arrivals in, and `columns`, as from relation_columns, which column is the arrival time.
    -#}
    {%- do exactly_once._note_keys(keys if copies is none else {}) -%}
    {%- if copies is not none -%}
        {{- return(exactly_once._arrived_keys_of(copies, keys, predicate, watermark, columns)) -}}
    {%- elif execute and (watermark is not none or columns is not none) -%}
        {%- do exactly_once._refuse(
            'arguments of the macro changed_keys', 'watermark or columns without copies', 'these with copies, or none of the three',
            'Of stg_events the model has a mark of its own: leave them out, or name the relation in copies.'
        ) -%}
    {%- endif %}
    -- depends_on: {{ ref('exactly_once', 'incremental_watermarks') }}
    {%- do exactly_once._note_watermark(exactly_once.curated_events()) %}
    {{- exactly_once._arrived_keys(keys, ref('exactly_once', 'stg_events'), exactly_once._mark_before_build(), exactly_once._taken_in_before_build()) }}
        and {{ predicate }}
    {%- if exactly_once.settings().build_candidate %}
    union
    {{ exactly_once._repaired_keys(
        keys, ref('exactly_once', 'stg_events'), ref('exactly_once', 'incident_duplicate_groups'),
        ref('exactly_once', 'incident_decisions'), predicate
    ) }}
    {%- endif %}
{% endmacro %}


{% macro _note_keys(keys) %}
    {#- For the checks of a candidate: which rows a repair may change. None can tell where a model asks for several. -#}
    {#- a unit test has no graph, and a query by hand is no node of it -#}
    {%- set node = graph.nodes.get(model.unique_id) if execute and graph.nodes is defined else none -%}
    {%- if node -%}
        {%- set is_first = node.get('keys_noted_in') != invocation_id -%}
        {%- do node.update({
            'keys_noted_in': invocation_id, 'keys_of_build': keys if is_first or keys == node.keys_of_build else {}
        }) -%}
    {%- endif -%}
{% endmacro %}


{% macro _arrived_keys_of(copies, keys, predicate, watermark, columns) %}
    {%- if execute and columns is not mapping -%}
        {%- do exactly_once._refuse(
            'argument columns of the macro changed_keys on ' ~ copies, columns, 'what relation_columns gives of that relation',
            'Pass columns=exactly_once.relation_columns(..).'
        ) -%}
    {%- endif %}
    select distinct {{ exactly_once._selected_keys(keys) }}
    from {{ copies }}
    where {{ exactly_once.arrived_since(watermark, columns=columns) if columns else 'true' }} and {{ predicate }}
{%- endmacro %}


{% macro _arrived_keys(keys, copies, watermark, before=none) %}
    select distinct {{ exactly_once._selected_keys(keys) }}
    from {{ copies }}
    where has_complete_key and {{ exactly_once.arrived_since(watermark, before) }}
{%- endmacro %}


{% macro _repaired_keys(keys, events, duplicate_groups, decisions, predicate='true') -%}
    {%- set quarantined = exactly_once._quarantined_in_reach() -%}
    select distinct {{ exactly_once._selected_keys(keys) }}
    from {{ events }}
    where
        has_complete_key
        and event_fingerprint in (
            select event_fingerprint from {{ decisions }} where {{ exactly_once.is_repaired() }}
        )
        and {{ exactly_once.same_event_times(duplicate_groups) }}
        and {{ predicate }}
    {%- if quarantined is not none %}
    union
    select distinct {{ exactly_once._selected_keys(keys) }}
    from {{ quarantined }}
    where {{ predicate }}
    {%- endif %}
{%- endmacro %}


{% macro _selected_keys(keys) %}
    {%- set selected = [] -%}
    {%- for name, sql in keys.items() -%}{%- do selected.append(sql ~ ' as ' ~ name) -%}{%- endfor -%}
    {{- return(selected | join(', ')) -}}
{% endmacro %}
