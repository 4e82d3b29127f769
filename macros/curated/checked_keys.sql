{% macro checked_keys(name, relation) %}
    {#-
        A query for the keys of a curated table that a test compares with the events: those that the last run
        computed again, as far as what arrived then has settled, and in a candidate those of the repair.
    -#}
    {%- set keys = exactly_once.curated_keys(name) -%}
    {%- set watermark = exactly_once.recorded_watermark(relation) -%}
    -- depends_on: {{ ref('exactly_once', 'incremental_watermarks') }}
    {{- exactly_once._arrived_keys(
        keys, ref('exactly_once', 'stg_events'), exactly_once._checked_since(exactly_once._mark_to_check_from(relation, watermark))
    ) }}
        and {{ exactly_once.settled_before(watermark) }}
    {%- if exactly_once.settings().build_candidate %}
    union
    select distinct {{ exactly_once._selected_keys(keys) }}
    from {{ ref('exactly_once', 'incident_decisions') }}
    where {{ exactly_once.is_repaired() }} and {{ exactly_once.key_is_complete(exactly_once.source_columns()) }}
    {%- set quarantined = exactly_once._quarantined_in_reach() %}
    {%- if quarantined is not none %}
    union
    select distinct {{ exactly_once._selected_keys(keys) }}
    from {{ quarantined }}
    {%- endif %}
    {%- endif %}
{% endmacro %}
