{% macro ledger_verify(head=none) %}
    {#-
        Run-operation. Reads the whole ledger and says whether it is as it was written: each entry fits its hash
        and follows the one before, none is missing, and the decisions and the quarantine are what the ledger
        last said of them. `head` is a hash that an operator kept (each verb prints it): it must be an entry.
        Each finding names the entry; with one or more it stops with an error.
    -#}
    {%- do exactly_once.tag_queries('ledger_verify') -%}
    {%- do exactly_once.check_session() -%}
    {%- set ledger = exactly_once._ledger() -%}
    {%- set entries = [] -%}
    {%- for row in run_query(
        'select entry_number, incident_id, phase, digests, previous_hash, entry_hash, '
        ~ exactly_once._entry_hash('ledger') ~ ' as computed_hash from ' ~ ledger
        ~ ' as ledger order by entry_number nulls last, entry_hash nulls last'
    ).rows -%}
        {%- set number, incident_id, phase, digests, previous_hash, hash, computed_hash = row.values() -%}
        {%- do entries.append({
            'name': 'entry ' ~ number if number is not none else 'an entry without a number (hash ' ~ hash ~ ')',
            'entry_number': number | int if number is not none else none,
            'incident_id': incident_id,
            'phase': phase,
            'digests': exactly_once._mapping(digests),
            'previous_hash': previous_hash,
            'entry_hash': hash,
            'fits': computed_hash == hash
        }) -%}
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
    {%- for entry in entries if head is not none and entry.entry_hash == head -%}
        {%- do log('  pass  the hash that you keep is that of ' ~ entry.name, info=true) -%}
    {%- endfor -%}
{% endmacro %}


{% macro _chain_findings(entries) %}
    {%- set findings = [] -%}
    {%- set before = namespace(number=0, hash='') -%}
    {%- for entry in entries -%}
        {%- if not entry.fits -%}
            {%- do findings.append(entry.name ~ ' does not fit its hash: it was changed, or its number was') -%}
        {%- endif -%}
        {%- set number = entry.entry_number -%}
        {%- if number is none -%}
            {%- do findings.append(entry.name ~ ' has no place: its number was removed') -%}
        {%- elif number <= before.number -%}
            {%- do findings.append(entry.name ~ ' is one too many: its number is taken, or below 1') -%}
        {%- else -%}
            {%- if number > before.number + 1 -%}
                {%- do findings.append(exactly_once._missing(before.number + 1, number - 1)) -%}
            {%- elif entry.previous_hash != before.hash -%}
                {%- do findings.append(entry.name ~ ' does not follow the entry before it: one of the two was replaced') -%}
            {%- endif -%}
            {%- set before.number = number -%}
            {%- set before.hash = entry.entry_hash -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(findings) -}}
{% endmacro %}


{% macro _missing(first, last) %}
    {{- return(
        'entry ' ~ first ~ ' is missing' if first == last else 'entries ' ~ first ~ ' to ' ~ last ~ ' are missing'
    ) -}}
{% endmacro %}


{% macro _head_findings(ledger, entries, head) %}
    {#- The comment is written after the entry: it may lag by a step that was killed, but never lead. -#}
    {%- set findings = [] -%}
    {%- set hashes = {} -%}
    {%- for entry in entries -%}{%- do hashes.update({entry.entry_hash: entry.entry_number}) -%}{%- endfor -%}
    {%- set noted = exactly_once._noted_head(ledger) -%}
    {%- if noted is none -%}
        {#- the first entry may have died before its comment -#}
        {%- if entries | length > 1 -%}
            {%- do findings.append('the comment of the table, which names the last entry, is gone') -%}
        {%- endif -%}
    {%- elif hashes.get(noted.entry_hash) != noted.entry_number -%}
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
        {%- for name, digest in entry.digests.items() if name in exactly_once._evidence() -%}
            {%- set place = (name, entry.incident_id) -%}
            {%- set last = known.get(place) -%}
            {%- if entry.phase == 'begun' and last and last.phase == 'ended' and last.digest != digest -%}
                {%- do findings.append(
                    name ~ ' of incident ' ~ entry.incident_id ~ ' changed between ' ~ last.entry ~ ' and ' ~ entry.name
                ) -%}
            {%- endif -%}
            {%- if entry.phase == 'begun' and last and last.phase == 'begun' and last.digest != digest -%}
                {%- do log(
                    '  note  ' ~ name ~ ' of incident ' ~ entry.incident_id ~ ' changed while ' ~ last.entry
                    ~ ' was open: that step died after its change, or somebody else made one', info=true
                ) -%}
            {%- endif -%}
            {%- do known.update({place: {'phase': entry.phase, 'digest': digest, 'entry': entry.name}}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for name in exactly_once._evidence() -%}
        {%- set relation = exactly_once.model_relation(name) -%}
        {%- set incidents = run_query('select distinct incident_id from ' ~ relation).columns[0].values() | list
            if exactly_once._is_there(relation) else [] -%}
        {%- for place in known if place[0] == name and place[1] not in incidents -%}
            {%- do incidents.append(place[1]) -%}
        {%- endfor -%}
        {%- for incident_id in incidents -%}
            {%- set last = known.get((name, incident_id)) -%}
            {%- if last is none -%}
                {%- do findings.append(name ~ ' has rows of incident ' ~ incident_id ~ ', of which the ledger knows nothing') -%}
            {%- elif last.phase != 'ended' -%}
                {%- do log(
                    '  open  ' ~ name ~ ' of incident ' ~ incident_id ~ ': ' ~ last.entry
                    ~ ' has begun and not ended. Run that step again; until then it is not compared', info=true
                ) -%}
            {%- elif exactly_once._evidence_digest(name, incident_id) != last.digest -%}
                {%- do findings.append(
                    name ~ ' of incident ' ~ incident_id ~ ' is not what ' ~ last.entry ~ ' says'
                ) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(findings) -}}
{% endmacro %}


{% macro _evidence() %}
    {#- The relations that the ledger gives digests of, if they are enabled. -#}
    {%- set names = graph.nodes.values() | selectattr('package_name', 'equalto', 'exactly_once') | map(attribute='name') | list -%}
    {{- return(['audit_decisions', 'quarantined_events'] | select('in', names) | list) -}}
{% endmacro %}


{% macro _evidence_digest(name, incident_id, is_made=false) %}
    {#- The digest of what a relation of evidence holds of an incident; none before it is made. -#}
    {%- set relation = exactly_once.model_relation(name) -%}
    {%- if not is_made and not exactly_once._is_there(relation) -%}{{- return(none) -}}{%- endif -%}
    {%- set hashed = [] -%}
    {%- for column in exactly_once._tested_columns('_evidence_digest', relation) -%}
        {%- do hashed.append(exactly_once._as_stored(column)) -%}
    {%- endfor -%}
    {{- return(run_query(exactly_once._digest_query(
        relation, hashed, 'hashed_rows.incident_id '
        ~ ('is null' if incident_id is none else '= ' ~ exactly_once.text_literal(incident_id)), 'hashed_rows'
    )).rows[0][1]) -}}
{% endmacro %}


{% macro _as_stored(column) %}
    {{- return(adapter.dispatch('_as_stored', 'exactly_once')(column)) -}}
{% endmacro %}


{% macro default___as_stored(column) %}
    {{- return(column) -}}
{% endmacro %}


{#- JSON is text there: who writes 1.0 for 1 changes nothing that it says, and has changed the evidence all the same. -#}
{% macro duckdb___as_stored(column) %}
    {%- if exactly_once.type_family(column.type) != 'json' -%}{{- return(column) -}}{%- endif -%}
    {{- return(dict(column, sql='cast(' ~ column.sql ~ ' as varchar)', type='varchar')) -}}
{% endmacro %}
