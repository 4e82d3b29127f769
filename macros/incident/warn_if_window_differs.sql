{% macro warn_if_window_differs() %}
    {#-
        One warning where the declared window and what was detected tell different stories: it leaves out copies of a
        detected window that it meets, by whole minutes of arrival, or an edge of it lies within by more than the
        detected edge's interval; it reaches far beyond all of them, or misses a whole one. Where no window is declared,
        and none is detected among many copies, the warning is that.
    -#}
    {%- set settings = exactly_once.settings() -%}
    {%- if not execute or flags.WHICH not in ('run', 'build') or flags.EMPTY -%}{{- return('') -}}{%- endif -%}
    {%- set windows = exactly_once.model_relation('incident_windows') -%}
    {%- if not exactly_once._is_there(windows) -%}{{- return('') -}}{%- endif -%}
    {%- if settings.incident_start is none -%}
        {%- do exactly_once._warn_if_copies_are_usual(windows) -%}
        {{- return('') -}}
    {%- endif -%}
    {%- set detected = [] -%}
    {%- set met = [] -%}
    {%- set others = [] -%}
    {%- for row in exactly_once._ask(
        'select ' ~ exactly_once.epoch_micros('detected_start') ~ ' as start_micros, '
        ~ exactly_once.epoch_micros('detected_end') ~ ' as end_micros, copy_count, '
        ~ exactly_once.epoch_micros('detected_start_high') ~ ' as start_high_micros, '
        ~ exactly_once.epoch_micros('detected_end_low') ~ ' as end_low_micros from ' ~ windows
        ~ ' order by detected_start'
    ).rows -%}
        {%- set window = {
            'start': exactly_once.time_from_micros(row[0]), 'end': exactly_once.time_from_micros(row[1]),
            'copies': row[2] | int, 'start_high': exactly_once.time_from_micros(row[3]),
            'end_low': exactly_once.time_from_micros(row[4])
        } -%}
        {%- do detected.append(window) -%}
        {%- set is_met = window.start < settings.incident_end and settings.incident_start < window.end -%}
        {%- do (met if is_met else others).append(window) -%}
    {%- endfor -%}
    {%- set findings = exactly_once._differences_of_windows(met, settings.incident_start, settings.incident_end) -%}
    {%- if met and others -%}
        {%- do findings.append('{:,} copies lie in {} detected window{} that it does not meet'.format(
            others | sum(attribute='copies'), others | length, 's' if others | length > 1 else ''
        )) -%}
    {%- endif -%}
    {#- once its copies are in quarantine, an incident leaves nothing to detect -#}
    {%- if not met and (others or exactly_once.quarantined_copies() is none) -%}
        {%- do findings.append('it meets no detected window') -%}
    {%- endif -%}
    {%- if findings -%}
        {%- do exceptions.warn(
            '[exactly_once] the declared window, ' ~ settings.incident_start ~ ' to ' ~ settings.incident_end ~ ' (UTC): '
            ~ findings | join('; ') ~ '. Detected: ' ~ exactly_once._told_windows(detected)
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _differences_of_windows(met, start, end) %}
    {#- What the declared window leaves out of the detected windows that it meets, and how far it reaches beyond. -#}
    {%- set far = modules.datetime.timedelta(minutes=30) -%}
    {%- set minute = modules.datetime.timedelta(minutes=1) -%}
    {%- set findings = [] -%}
    {%- if not met -%}{{- return(findings) -}}{%- endif -%}
    {%- set is_detected = [] -%}
    {%- for window in met -%}
        {%- do is_detected.append(
            '(arrival_minute >= ' ~ exactly_once.timestamp_literal(window.start) ~ ' and arrival_minute < '
            ~ exactly_once.timestamp_literal(window.end) ~ ')'
        ) -%}
    {%- endfor -%}
    {%- set left_out = exactly_once._ask(
        'select coalesce(sum(event_copy_count), 0) as copies from '
        ~ exactly_once.model_relation('incident_duplicate_rate') ~ ' where (' ~ is_detected | join(' or ')
        ~ ') and (arrival_minute <= ' ~ exactly_once.timestamp_literal(start - minute) ~ ' or arrival_minute >= '
        ~ exactly_once.timestamp_literal(end) ~ ')'
    ).rows[0][0] | int -%}
    {%- if left_out > 0 -%}
        {%- do findings.append('{:,} copies of a detected window are of events that arrived outside it'.format(left_out)) -%}
    {%- else -%}
        {#- within the minutes of its own edges -#}
        {%- set second = modules.datetime.timedelta(seconds=1) -%}
        {%- for window in met -%}
            {%- if window.start_high < start -%}
                {%- do findings.append('it begins {:,.0f} seconds after a detected window does'.format(
                    (start - window.start) / second
                )) -%}
            {%- endif -%}
            {%- if end < window.end_low -%}
                {%- do findings.append('it ends {:,.0f} seconds before a detected window does'.format(
                    (window.end - end) / second
                )) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set before = (met | map(attribute='start') | min) - start -%}
    {%- set behind = end - (met | map(attribute='end') | max) -%}
    {%- if before > far -%}
        {%- do findings.append('it begins {:,.0f} minutes before what was detected'.format(before / minute)) -%}
    {%- endif -%}
    {%- if behind > far -%}
        {%- do findings.append('it ends {:,.0f} minutes after what was detected'.format(behind / minute)) -%}
    {%- endif -%}
    {{- return(findings) -}}
{% endmacro %}


{% macro _warn_if_copies_are_usual(windows) %}
    {#- What most events of the detection range have is taken for usual: an incident of all that time is not told. -#}
    {%- set most, fewest_events = [0.05, exactly_once.settings().detection_min_rate] | max, 1000 -%}
    {%- set found = exactly_once._ask(
        'select sum(event_count) as events, sum(copied_event_count) as copied, (select count(*) from ' ~ windows
        ~ ') as windows from ' ~ exactly_once.model_relation('incident_duplicate_rate')
    ).rows[0] -%}
    {%- set events, copied = (found[0] or 0) | int, (found[1] or 0) | int -%}
    {%- if found[2] | int == 0 and events >= fewest_events and copied > most * events -%}
        {%- do exceptions.warn(
            '[exactly_once] no window is detected, but {:,} of {:,} events are copied: '.format(copied, events)
            ~ 'an incident of most of the detection range is taken for usual. Raise exactly_once__detection_hours, so '
            ~ 'that it reaches back before the incident, or declare incident_start and incident_end.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _told_windows(windows) %}
    {%- set told = [] -%}
    {%- for window in windows -%}
        {%- do told.append('{} to {} ({:,} copies)'.format(window.start, window.end, window.copies)) -%}
    {%- endfor -%}
    {{- return(told | join(', ') or 'nothing') -}}
{% endmacro %}
