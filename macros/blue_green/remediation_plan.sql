{% macro remediation_plan(incident_id, max_share=0.2, dry_run=none) %}
    {#-
        Run-operation. Says what the remediation of an incident will change, per table, event type and merchant,
        what it will read and write, and which share of a day of the regular job that is. Stops with an error above
        max_share. It changes nothing; where a max_share lets a plan pass that is above the usual limit, the ledger has it,
        unless dry_run is true.
    -#}
    {%- do exactly_once._begin_verb('remediation_plan', incident_id) -%}
    {%- do exactly_once._check_max_share(incident_id, max_share) -%}
    {%- do exactly_once._check_incident(incident_id) -%}
    {%- do exactly_once._refuse_while_catching_up('incident ' ~ incident_id) -%}
    {%- set plan = exactly_once._remediation_estimate(incident_id) -%}
    {%- do exactly_once._log_plan(plan) -%}
    {%- if plan.share is not none and plan.share > max_share -%}
        {%- do exactly_once._refuse(
            'the remediation of incident ' ~ incident_id,
            exactly_once._percent(plan.share) ~ ' of a day of the regular job ('
            ~ exactly_once._readable_bytes(plan.total.bytes) ~ ' of ' ~ exactly_once._readable_bytes(plan.day.bytes)
            ~ ' read and written)', 'at most ' ~ exactly_once._percent(max_share),
            'Narrow the window, or allow it: ' ~ exactly_once._verb_command(
                'remediation_plan', incident_id, 'max_share: ' ~ exactly_once._enough(plan.share)
            )
        ) -%}
    {%- endif -%}
    {%- if plan.state in ('swapping', 'swapped') -%}
        {%- do log('Swapped already: a further repair needs another incident_id.', info=true) -%}
    {%- elif not plan.repaired_events and exactly_once._quarantined_in_reach() is none -%}
        {%- do log('Nothing to repair: no copy is to be removed, and no verdict was given.', info=true) -%}
    {%- else -%}
        {%- if dry_run is not sameas true -%}{%- do exactly_once._record_share(incident_id, plan.share, max_share) -%}{%- endif -%}
        {%- do exactly_once._say_next_step(
            exactly_once._next_step(incident_id, exactly_once._remediation_steps(incident_id))
        ) -%}
    {%- endif -%}
    {{- return(plan) -}}
{% endmacro %}


{% macro _check_max_share(incident_id, max_share) %}
    {%- if max_share is not number or max_share is boolean or not 0 < max_share <= 1000 -%}
        {%- do exactly_once._refuse(
            'max_share', max_share, 'a number above 0, up to 1000; 0.2 is 20% of a day of the regular job',
            'Run: ' ~ exactly_once._verb_command('remediation_plan', incident_id, 'max_share: 0.5')
        ) -%}
    {%- endif -%}
{% endmacro %}


{% macro _record_share(incident_id, share, max_share) %}
    {#- Somebody has decided that it may cost more than usual; a plan below the limit decides nothing. -#}
    {%- if share is not none and share > 0.2 -%}
        {%- do exactly_once._begin_step('remediation_plan', incident_id, {'max_share': max_share}) -%}
        {%- do exactly_once._end_step('remediation_plan', incident_id, {'share': share | round(4)}) -%}
    {%- endif -%}
{% endmacro %}


{% macro _log_plan(plan) %}
    {%- set scope = plan.scope -%}
    {%- do log('Plan for incident ' ~ plan.incident_id ~ ' (nothing is changed)', info=true) -%}
    {%- do log('  window  ' ~ scope.window_start ~ ' to ' ~ scope.window_end ~ ' UTC, ' ~ scope.window_source, info=true) -%}
    {%- do log('  scope   ' ~ scope.scope_start ~ ' to ' ~ scope.scope_end ~ ' UTC', info=true) -%}

    {%- do log('', info=true) -%}
    {%- do log('Copies by event type; amounts in minor units', info=true) -%}
    {%- set rows = [] -%}
    {%- for one in plan.event_types -%}
        {%- do rows.append([
            one.event_type or '(none)', one.currency or '(none)', one.keep, one.remove, one.review, one.removed_amount
        ]) -%}
    {%- endfor -%}
    {%- do rows.append(['all', '', plan.copies.keep, plan.copies.remove, plan.copies.review, '']) -%}
    {%- do exactly_once._log_table(['event type', 'currency', 'keep', 'remove', 'review', 'removed amount'], rows, 2) -%}

    {%- if plan.merchants -%}
        {%- do log('', info=true) -%}
        {%- do log('Merchants that lose most', info=true) -%}
        {%- set rows = [] -%}
        {%- for one in plan.merchants -%}
            {%- do rows.append([one.merchant_id, one.currency or '(none)', one.remove, one.removed_amount]) -%}
        {%- endfor -%}
        {%- do exactly_once._log_table(['merchant', 'currency', 'remove', 'removed amount'], rows, 2) -%}
        {%- if plan.other_merchants -%}
            {%- do log('  and ' ~ exactly_once._readable(plan.other_merchants) ~ ' others, in incident_impact_by_merchant', info=true) -%}
        {%- endif -%}
    {%- endif -%}

    {%- do log('', info=true) -%}
    {%- do log('Rows to compute again', info=true) -%}
    {%- set rows = [] -%}
    {%- for table in plan.tables -%}{%- do rows.append([table.name, table.key_count, table.rows]) -%}{%- endfor -%}
    {%- do exactly_once._log_table(['curated table', 'keys', 'of rows'], rows) -%}
    {%- do log(
        '  raw: ' ~ exactly_once._readable(plan.raw.copies) ~ ' copies to remove, in '
        ~ exactly_once._readable(plan.raw.slices) ~ ' hours of arrival', info=true
    ) -%}

    {%- do log('', info=true) -%}
    {%- do log('What it costs (an estimate)', info=true) -%}
    {%- set rows = [] -%}
    {%- for step in plan.steps + [plan.total] -%}
        {%- do rows.append([
            step.name, step.rows_read, step.rows_written, exactly_once._readable_bytes(step.bytes_read),
            exactly_once._readable_bytes(step.bytes_written), exactly_once._percent(step.share)
        ]) -%}
    {%- endfor -%}
    {%- do exactly_once._log_table(
        ['step', 'rows read', 'rows written', 'bytes read', 'bytes written', 'of a day'], rows
    ) -%}
    {%- if plan.day.bytes -%}
        {%- do log(
            '  a day of the regular job: ' ~ exactly_once._readable(plan.day.arrivals) ~ ' arrivals to '
            ~ plan.day.reached ~ ' UTC, ' ~ exactly_once._readable_bytes(plan.day.bytes_read) ~ ' read, '
            ~ exactly_once._readable_bytes(plan.day.bytes_written) ~ ' written', info=true
        ) -%}
    {%- else -%}
        {%- do log('  a day of the regular job: unknown, for the curated tables have no watermark yet', info=true) -%}
    {%- endif -%}
{% endmacro %}


{% macro _percent(share) %}
    {%- if share is none -%}{{- return('unknown') -}}{%- endif -%}
    {{- return('{:.2f}%'.format(share * 100)) -}}
{% endmacro %}


{% macro _enough(share) %}
    {#- A share that lets this one pass: the next hundredth above it. -#}
    {{- return('{:.2f}'.format(share + 0.01)) -}}
{% endmacro %}
