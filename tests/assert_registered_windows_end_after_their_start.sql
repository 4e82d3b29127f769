{%- set register = ref('incident_register') -%}
{%- set backward = [] -%}
{%- if execute and flags.WHICH in ('build', 'test') -%}
    {%- for row in exactly_once._ask(
        'select incident_id, incident_start, incident_end from ' ~ register
        ~ ' where incident_start is not null and incident_end is not null'
    ).rows -%}
        {%- set window = exactly_once._registered_window(row[0], row[1], row[2]) -%}
        {%- if window[1] <= window[0] -%}{%- do backward.append(exactly_once.text_literal(row[0])) -%}{%- endif -%}
    {%- endfor -%}
{%- endif %}

select
    incident_id,
    incident_start,
    incident_end
from {{ register }}
where {{ 'incident_id in (' ~ backward | join(', ') ~ ')' if backward else 'false' }}
