{#- What tells two payouts apart, and when they happened and arrived. -#}
{% macro payout_parts() %}
    {{- return({
        'key': ['payout_no', {'name': 'Bank', 'normalize': ['trim']}, 'paid at'],
        'event_time': 'paid at',
        'arrival_time': 'received_at'
    }) -}}
{% endmacro %}
