{% macro ledger_verify(head=none) %}
    {#-
        Run-operation. Reads the whole ledger and says whether it is as it was written: each entry fits its hash
        and follows the one before, none is missing, and the decisions and the quarantine are what the ledger
        last said of them. `head` is a hash that an operator kept (each verb prints it): it must be an entry.
        Each finding names the entry; with one or more it stops with an error.
    -#}
    {%- do exactly_once.check_session() -%}
    {%- do exactly_once.tag_queries('ledger_verify') -%}
    {%- set ledger = exactly_once._ledger() -%}
    {%- set entries = [] -%}
    {%- for row in run_query(
        'select ' ~ exactly_once.epoch_micros('recorded_at') ~ ' as recorded_micros, entry_number, incident_id, step, '
        ~ 'phase, digests, previous_hash, entry_hash, ' ~ exactly_once._entry_hash('ledger') ~ ' as computed_hash from '
        ~ ledger ~ ' as ledger order by entry_number, entry_hash'
    ).rows -%}
        {%- do entries.append(dict(zip([
            'recorded_micros', 'entry_number', 'incident_id', 'step', 'phase', 'digests', 'previous_hash',
            'entry_hash', 'computed_hash'
        ], row.values()))) -%}
    {%- endfor -%}
    {%- do log('Verifying ' ~ entries | length ~ ' entries of ' ~ ledger, info=true) -%}
    {%- set findings = exactly_once._chain_findings(entries) -%}
    {%- do findings.extend(exactly_once._head_findings(ledger, entries, head)) -%}
    {%- do findings.extend(exactly_once._evidence_findings(entries)) -%}
    {%- for finding in findings -%}{%- do log('  FAIL  ' ~ finding, info=true) -%}{%- endfor -%}
    {%- if findings -%}
        {%- do exactly_once._refuse(
            'the ledger ' ~ ledger, findings | join('; '), 'entries as they were written',
            'Keep the table as it is, and tell whoever audits it. Time Travel or a backup shows the row before.'
        ) -%}
    {%- endif -%}
    {%- do log(
        '  pass  every entry fits its hash and follows the one before'
        ~ (', up to entry ' ~ entries[-1].entry_number ~ ': ' ~ entries[-1].entry_hash if entries else ''), info=true
    ) -%}
{% endmacro %}


{% macro _chain_findings(entries) %}
    {%- set findings = [] -%}
    {%- set before = namespace(number=0, hash='') -%}
    {%- for entry in entries -%}
        {%- set name = 'entry ' ~ entry.entry_number -%}
        {%- if entry.computed_hash is none or entry.computed_hash != entry.entry_hash -%}
            {%- do findings.append(name ~ ' does not fit its hash: it was changed, or its number was') -%}
        {%- endif -%}
        {%- set number = entry.entry_number -%}
        {%- if number is none or number | int <= before.number -%}
            {%- do findings.append(name ~ ' is there twice: one was inserted') -%}
        {%- elif number | int > before.number + 1 -%}
            {%- do findings.append(
                'entry ' ~ (before.number + 1)
                ~ (' to ' ~ (number | int - 1) if number | int > before.number + 2 else '') ~ ' is missing'
            ) -%}
        {%- elif entry.previous_hash != before.hash -%}
            {%- do findings.append(name ~ ' does not follow the entry before it: one of the two was replaced') -%}
        {%- endif -%}
        {%- set before.number = [number | int(default=0), before.number] | max -%}
        {%- set before.hash = entry.entry_hash -%}
    {%- endfor -%}
    {{- return(findings) -}}
{% endmacro %}


{% macro _head_findings(ledger, entries, head) %}
    {%- set findings = [] -%}
    {%- set hashes = entries | map(attribute='entry_hash') | list -%}
    {%- set noted = exactly_once._parsed_marker(exactly_once._comment_on(ledger)) -%}
    {#- the comment is written after the entry, so it may lag by a step that was killed, but never lead -#}
    {%- if entries and noted is none -%}
        {%- do findings.append('the comment of the table, which names the last entry, is gone') -%}
    {%- elif noted is not none and noted.entry_hash not in hashes -%}
        {%- do findings.append(
            'entry ' ~ noted.entry_number ~ ', the last one by the comment of the table, is missing or was changed'
        ) -%}
    {%- endif -%}
    {%- if head is not none and head not in hashes -%}
        {%- do findings.append('the entry with the hash ' ~ head ~ ', which you keep, is missing or was changed') -%}
    {%- endif -%}
    {{- return(findings) -}}
{% endmacro %}


{% macro _evidence_findings(entries) %}
    {#-
        What the ledger says of audit_decisions and quarantined_events, incident by incident: a step finds them as
        the step before left them, and the last one left them as they are. A step that has begun and not ended may
        have died after its change.
    -#}
    {%- set findings = [] -%}
    {%- set known = {} -%}
    {%- for entry in entries -%}
        {%- for name, digest in fromjson(entry.digests, {}).items() if name in exactly_once._evidence() -%}
            {%- set place = (name, entry.incident_id) -%}
            {%- set last = known.get(place) -%}
            {%- if entry.phase == 'begun' and last and last.phase == 'ended' and last.digest != digest -%}
                {%- do findings.append(
                    name ~ ' of incident ' ~ entry.incident_id ~ ' changed between entries ' ~ last.entry_number
                    ~ ' and ' ~ entry.entry_number
                ) -%}
            {%- endif -%}
            {%- do known.update({place: {'phase': entry.phase, 'digest': digest, 'entry_number': entry.entry_number}}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for name in exactly_once._evidence() if exactly_once._is_there(exactly_once.model_relation(name)) -%}
        {%- set incidents = run_query(
            'select distinct incident_id from ' ~ exactly_once.model_relation(name)
        ).columns[0].values() | list -%}
        {%- for place in known if place[0] == name and place[1] not in incidents -%}
            {%- do incidents.append(place[1]) -%}
        {%- endfor -%}
        {%- for incident_id in incidents -%}
            {%- set last = known.get((name, incident_id)) -%}
            {%- if last is none -%}
                {%- do findings.append(name ~ ' has rows of incident ' ~ incident_id ~ ', of which the ledger knows nothing') -%}
            {%- elif last.phase == 'begun' -%}
                {%- do log(
                    '  open  ' ~ name ~ ' of incident ' ~ incident_id ~ ': entry ' ~ last.entry_number
                    ~ ' has begun and not ended. Run that step again; until then it is not compared', info=true
                ) -%}
            {%- elif exactly_once._evidence_digest(name, incident_id) != last.digest -%}
                {%- do findings.append(
                    name ~ ' of incident ' ~ incident_id ~ ' is not what entry ' ~ last.entry_number ~ ' says'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(findings) -}}
{% endmacro %}


{% macro _evidence() %}
    {{- return(['audit_decisions', 'quarantined_events']) -}}
{% endmacro %}


{% macro _evidence_digest(name, incident_id, is_made=false) %}
    {#- The digest of what a relation of evidence holds of an incident; none before it is made. -#}
    {%- set relation = exactly_once.model_relation(name) -%}
    {%- if not is_made and not exactly_once._is_there(relation) -%}{{- return(none) -}}{%- endif -%}
    {{- return(run_query(exactly_once.relation_digest(
        relation, predicate='hashed_rows.incident_id '
        ~ ('is null' if incident_id is none else '= ' ~ exactly_once.text_literal(incident_id))
    )).rows[0][1]) -}}
{% endmacro %}
