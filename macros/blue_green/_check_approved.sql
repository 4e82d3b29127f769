{% macro _check_approved(incident_id) %}
    {#-
        Four eyes, before anything is changed by the decisions in force: stops unless the incident is registered and
        approved for a window that holds the one in force, every verdict has a ticket and a reviewer who does not run this,
        and the decisions follow it. Gives who asked, who approved, and the ticket.
    -#}
    {%- set approval = exactly_once._check_registered(incident_id) -%}
    {%- do exactly_once._check_approved_window(incident_id) -%}
    {%- do exactly_once._check_overrides(incident_id) -%}
    {{- return(approval) -}}
{% endmacro %}


{% macro _check_registered(incident_id) %}
    {#-
        Stops unless incident_register has the incident, with a ticket and an approval by somebody who neither asked
        for the repair nor runs it.
    -#}
    {%- do exactly_once._check_actor_is_known() -%}
    {%- set register = exactly_once.model_relation('incident_register') -%}
    {%- set registered = exactly_once._registration(incident_id) -%}
    {%- if registered.problem -%}
        {%- do exactly_once._refuse(
            'incident ' ~ incident_id ~ ' in ' ~ register, registered.problem,
            'one row with a ticket and who asked, approved by somebody who neither asked nor runs the repair',
            exactly_once._register_remedy()
        ) -%}
    {%- endif -%}
    {{- return(registered.approval) -}}
{% endmacro %}


{% macro _check_actor_is_known() %}
    {#- An approval by somebody else proves nothing while nobody knows who runs it. -#}
    {%- set actor = exactly_once.current_actor() or 'unknown' -%}
    {%- if actor == 'unknown' -%}
        {%- do exactly_once._refuse(
            'who runs this', actor, 'a name, so that an approval is by somebody else',
            'Set the environment variable EXACTLY_ONCE_ACTOR to your name, as incident_register would have it.'
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _registration(incident_id) %}
    {#- What incident_register has of an incident: {approval, problem}, one of them none. -#}
    {%- set register = exactly_once.model_relation('incident_register') -%}
    {%- if not exactly_once._is_there(register) -%}{{- return({'problem': 'no such table'}) -}}{%- endif -%}
    {%- set rows = run_query(
        'select requested_by, approved_by, ticket from ' ~ register
        ~ ' where incident_id = ' ~ exactly_once.text_literal(incident_id)
    ).rows -%}
    {%- if rows | length != 1 -%}{{- return({'problem': rows | length ~ ' rows'}) -}}{%- endif -%}
    {%- set requested_by, approved_by, ticket = rows[0].values() -%}
    {%- for name, value in [('requested_by', requested_by), ('ticket', ticket), ('approved_by', approved_by)]
        if value is none or value | trim == '' -%}
        {{- return({'problem': 'no ' ~ name}) -}}
    {%- endfor -%}
    {%- for name, value in [('requested_by', requested_by), ('approved_by', approved_by)] -%}
        {%- set problem = exactly_once._login_problem(value) -%}
        {%- if problem -%}{{- return({'problem': name ~ ' ' ~ value ~ problem}) -}}{%- endif -%}
    {%- endfor -%}
    {%- if not exactly_once._names_something(ticket) -%}
        {{- return({'problem': 'ticket ' ~ ticket ~ ', which is no ticket'}) -}}
    {%- endif -%}
    {%- if exactly_once._is_same_person(approved_by, requested_by) -%}
        {{- return({'problem': 'an approval by ' ~ approved_by ~ ', who asked for the repair'}) -}}
    {%- elif exactly_once._runs_this(approved_by) -%}
        {{- return({'problem': 'an approval by ' ~ approved_by ~ ', who runs the repair'}) -}}
    {%- endif -%}
    {{- return({'approval': {'requested_by': requested_by, 'approved_by': approved_by, 'ticket': ticket}}) -}}
{% endmacro %}


{% macro _login_problem(name) %}
    {#- Why nobody can tell who that is, or none. Other alphabets have letters that look like those of a login. -#}
    {%- if not (name.isascii() and name.isprintable()) -%}
        {{- return(', with characters outside printable ASCII (write the login of the account)') -}}
    {%- elif not exactly_once._names_something(name) -%}
        {{- return(', which names nobody') -}}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _names_something(name) %}
    {%- set nothing = ['na', 'nobody', 'none', 'null', 'pending', 'self', 'tba', 'tbd', 'todo', 'unknown'] -%}
    {%- set names = exactly_once._compared_names(name) -%}
    {{- return(names | length > 0 and names | select('in', nothing) | list | length == 0) -}}
{% endmacro %}


{% macro _is_same_person(name, other) %}
    {%- set others = exactly_once._compared_names(other) -%}
    {{- return(exactly_once._compared_names(name) | select('in', others) | list | length > 0) -}}
{% endmacro %}


{% macro _runs_this(name) %}
    {%- for actor in exactly_once._actors() if exactly_once._is_same_person(name, actor) -%}
        {{- return(true) -}}
    {%- endfor -%}
    {{- return(false) -}}
{% endmacro %}


{% macro _compared_names(name) %}
    {#- Letters and digits of what stands before an @, in one case: all, and without what follows in parentheses. -#}
    {%- set login = name.strip().lstrip('@').split('@')[0] -%}
    {%- set names = [] -%}
    {%- for part in (login, login.split('(')[0]) -%}
        {%- do names.append(modules.re.sub('[^a-z0-9]', '', part.casefold())) -%}
    {%- endfor -%}
    {{- return(names | select | list) -}}
{% endmacro %}


{% macro _register_remedy() %}
    {{- return('Have the row reviewed and merged in seeds/incident_register.csv, then run: dbt seed --select incident_register') -}}
{% endmacro %}


{% macro _check_approved_window(incident_id) %}
    {%- set problem = exactly_once._window_problem(incident_id) -%}
    {%- if problem -%}
        {%- do exactly_once._refuse(
            'the approval of incident ' ~ incident_id, problem.found, problem.accepted, exactly_once._register_remedy()
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _window_problem(incident_id) %}
    {#- Why the approved window does not hold the one in force, as {found, accepted}, or none. -#}
    {%- set window = run_query(
        'select ' ~ exactly_once.epoch_micros('window_start') ~ ' as start_micros, '
        ~ exactly_once.epoch_micros('window_end') ~ ' as end_micros from ' ~ exactly_once.model_relation('incident_scope')
    ).rows[0] -%}
    {%- set start, end = exactly_once.time_from_micros(window[0]), exactly_once.time_from_micros(window[1]) -%}
    {%- set approved = run_query(
        'select incident_start, incident_end from ' ~ exactly_once.model_relation('incident_register')
        ~ ' where incident_id = ' ~ exactly_once.text_literal(incident_id)
    ).rows[0] -%}
    {%- set approved_start, approved_end = exactly_once._registered_window(incident_id, approved[0], approved[1]) -%}
    {%- if none in (approved_start, approved_end) or start < approved_start or end > approved_end -%}
        {{- return({
            'found': 'for ' ~ (approved_start or 'no time') ~ ' to ' ~ (approved_end or 'no time') ~ ' (UTC)',
            'accepted': 'one that holds the window in force, ' ~ start ~ ' to ' ~ end
        }) -}}
    {%- endif -%}
    {{- return(none) -}}
{% endmacro %}


{% macro _registered_window(incident_id, start, end) %}
    {#- Both times of a row of incident_register as datetimes in UTC; none where it has none. -#}
    {%- set window = [] -%}
    {%- for name, time in [('incident_start', start), ('incident_end', end)] -%}
        {%- do window.append(exactly_once._parsed_time(
            name ~ ' of incident ' ~ incident_id ~ ' in ' ~ exactly_once.model_relation('incident_register'), time
        ) if time is not none else none) -%}
    {%- endfor -%}
    {{- return(window) -}}
{% endmacro %}


{% macro _check_overrides(incident_id) %}
    {%- set overrides = exactly_once.model_relation('decision_overrides') -%}
    {%- if exactly_once._is_there(overrides) -%}
        {%- set detect = exactly_once._detection_command(incident_id) -%}
        {%- set edit = ', in seeds/decision_overrides.csv, then run: ' ~ detect -%}
        {%- for judged, found, accepted, remedy in [
            (
                overrides ~ ' where not ' ~ exactly_once._verdict_is_signed(), 'without ticket or reviewer',
                'a ticket and a reviewer on each', 'Fill them in' ~ edit
            ),
            (
                overrides ~ ' where not ' ~ exactly_once._verdict_is_known(), 'other than keep, remove and review',
                'one of these words on each', 'Correct them' ~ edit
            ),
            (
                overrides ~ ' group by event_fingerprint having count(*) > 1', 'events with several verdicts',
                'one on each event', 'Remove the others' ~ edit
            ),
            (
                exactly_once._verdicts_not_followed(overrides), 'events whose decisions are not by the verdicts of now',
                'decisions that follow them', 'Run: ' ~ detect
            )
        ] -%}
            {%- set events = run_query('select event_fingerprint from ' ~ judged ~ ' order by 1').columns[0].values() -%}
            {%- if events -%}
                {%- do exactly_once._refuse(
                    'a verdict in ' ~ overrides, events | length ~ ' ' ~ found ~ ', the first on ' ~ events[0], accepted, remedy
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do exactly_once._check_reviewers(overrides, edit) -%}
    {%- endif -%}
{% endmacro %}


{% macro _check_reviewers(overrides, edit) %}
    {#- Who runs the repair has judged none of the events that it decides on. -#}
    {%- for event_fingerprint, reviewer in run_query(
        'select event_fingerprint, reviewer from ' ~ overrides ~ ' where event_fingerprint in ('
        ~ 'select event_fingerprint from ' ~ exactly_once.model_relation('incident_decisions') ~ ') order by 1'
    ).rows -%}
        {%- set problem = exactly_once._login_problem(reviewer)
            or (', who runs the repair' if exactly_once._runs_this(reviewer)) -%}
        {%- if problem -%}
            {%- do exactly_once._refuse(
                'a verdict in ' ~ overrides, 'one by ' ~ reviewer ~ problem ~ ', on ' ~ event_fingerprint,
                'the login of somebody who does not run the repair',
                'Have another person judge it, or run the repair. Correct it' ~ edit
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{% endmacro %}


{% macro _verdicts_not_followed(overrides) %}
    {#- The decided events with a verdict that came, changed or went since. A remove leaves the one copy that survives. -#}
    (
        select decisions.event_fingerprint
        from {{ exactly_once.model_relation('incident_decisions') }} as decisions
        left join (
            select event_fingerprint, decision from {{ overrides }} where {{ exactly_once._verdict_counts() }}
        ) as verdicts
            on decisions.event_fingerprint = verdicts.event_fingerprint
        group by decisions.event_fingerprint
        having
            count(case when decisions.reason = 'override' then 1 end) <> count(verdicts.decision)
            or count(case when decisions.decision = verdicts.decision then 1 end)
            <> count(verdicts.decision) - max(case when verdicts.decision = 'remove' then 1 else 0 end)
    ) as not_followed
{% endmacro %}


{% macro _verdict_counts() %}
    {#- A predicate on decision_overrides: what nobody signed does not count, nor what says something else. -#}
    {{- return('(' ~ exactly_once._verdict_is_signed() ~ ' and ' ~ exactly_once._verdict_is_known() ~ ')') -}}
{% endmacro %}


{% macro _verdict_is_signed() %}
    {#- Engines differ in what they trim unasked. -#}
    {%- set blanks = exactly_once.text_literal(
        ' \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009'
        '\u200a\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff'
    ) -%}
    {{- return(
        '(coalesce(trim(ticket, ' ~ blanks ~ "), '') <> '' and coalesce(trim(reviewer, " ~ blanks ~ "), '') <> '')"
    ) -}}
{% endmacro %}


{% macro _verdict_is_known() %}
    {{- return("(coalesce(decision, '') in ('keep', 'remove', 'review'))") -}}
{% endmacro %}
