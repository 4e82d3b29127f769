{% macro _parsed_time(what, value) %}
    {#- ISO text, a YAML date or a YAML timestamp, as a datetime in UTC without an offset. -#}
    {%- set read = exactly_once._read_time(value) -%}
    {%- if read.time is none -%}
        {%- do exactly_once._refuse(what, value, read.accepted, 'Correct the time.') -%}
    {%- endif -%}
    {{- return(read.time) -}}
{% endmacro %}


{% macro _read_time(value) %}
    {#- {time, accepted}: no time where the value is none, and what would be one. -#}
    {%- set text = value.isoformat() if value is not string and value.isoformat is defined else value | string | trim -%}
    {%- set accepted = 'YYYY-MM-DD or YYYY-MM-DD HH:MM[:SS[.ffffff]], in UTC or with an offset such as Z or +02:00' -%}
    {%- set found = modules.re.match(
        '^(\\d{4})-(\\d{2})-(\\d{2})(?:[T ](\\d{2}):(\\d{2})(?::(\\d{2})(?:[.](\\d{1,6}))?)? ?(Z|[+-]\\d{2}:?\\d{2})?)?$', text
    ) -%}
    {%- if not found -%}{{- return({'time': none, 'accepted': accepted}) -}}{%- endif -%}
    {%- set year, month, day = found.group(1) | int, found.group(2) | int, found.group(3) | int -%}
    {%- set hour, minute, second = (found.group(4) or 0) | int, (found.group(5) or 0) | int, (found.group(6) or 0) | int -%}
    {%- set leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {%- set days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
    {%- if year < 1 or month < 1 or month > 12 or day < 1 or day > days[month - 1] or hour > 23 or minute > 59 or second > 59 -%}
        {{- return({'time': none, 'accepted': accepted ~ ', and a date and time that exist'}) -}}
    {%- endif -%}
    {%- set micros = ((found.group(7) or '') ~ '000000')[:6] | int -%}
    {%- set stamp = modules.datetime.datetime(year, month, day, hour, minute, second, micros) -%}
    {%- set offset = (found.group(8) or 'Z') | replace(':', '') -%}
    {%- if offset != 'Z' -%}
        {%- set minutes = offset[1:3] | int * 60 + offset[3:5] | int -%}
        {%- set stamp = stamp - modules.datetime.timedelta(minutes=minutes if offset[0] == '+' else -minutes) -%}
    {%- endif -%}
    {{- return({'time': stamp, 'accepted': accepted}) -}}
{% endmacro %}
