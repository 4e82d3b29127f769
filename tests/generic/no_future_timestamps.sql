{% test no_future_timestamps(model, column=none, grace_hours=24, column_name=none) %}
    {%- if not execute -%}{{- return('') -}}{%- endif -%}
    {%- set columns = exactly_once._tested_columns(
        exactly_once._test_argument('no_future_timestamps', model, 'model'), model
    ) -%}
    {%- set tested = exactly_once._tested_column(
        exactly_once._test_argument('no_future_timestamps', model, 'column'), column or column_name, columns,
        ['timestamp', 'timestamp_tz', 'date']
    ) -%}
    {%- do exactly_once._tested_hours(
        exactly_once._test_argument('no_future_timestamps', model, 'grace_hours'), grace_hours, may_be_zero=true
    ) -%}
    {%- set latest = exactly_once.shifted_time(run_started_at.replace(tzinfo=none), grace_hours) %}

    select {{ tested.sql }}
    from {{ model }}
    where {{ tested.sql }} > {{ exactly_once._time_bound(latest, tested) }}
{% endtest %}
