{% macro type_family(data_type) %}
    {#- integer, decimal, float, boolean, timestamp, timestamp_tz, date, text, json or other. -#}
    {%- set name = data_type | upper | trim -%}
    {%- set families = [
        ('other', '.*\\[.*\\]$|^(STRUCT|MAP|UNION|LIST)\\b.*'),
        ('integer', '^(TINYINT|SMALLINT|INTEGER|INT|INT\\d|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT|BYTEINT)$'),
        ('decimal', '^(DECIMAL|NUMERIC|NUMBER|FIXED)\\b.*'),
        ('float', '^(FLOAT|FLOAT4|FLOAT8|DOUBLE|REAL|DOUBLE PRECISION)$'),
        ('boolean', '^(BOOLEAN|BOOL)$'),
        ('timestamp_tz', '^(TIMESTAMP WITH (LOCAL )?TIME ZONE|TIMESTAMPTZ|TIMESTAMP_TZ|TIMESTAMP_LTZ)\\b.*'),
        ('timestamp', '^(TIMESTAMP|DATETIME|TIMESTAMP_NTZ|TIMESTAMP_S|TIMESTAMP_MS|TIMESTAMP_NS)\\b.*'),
        ('date', '^DATE$'),
        ('text', '^(VARCHAR|CHARACTER VARYING|TEXT|STRING|CHAR|CHARACTER|NVARCHAR|UUID)\\b.*'),
        ('json', '^(JSON|VARIANT|OBJECT|ARRAY)\\b.*')
    ] -%}
    {%- for family, pattern in families -%}
        {%- if modules.re.match(pattern, name) -%}{{- return(family) -}}{%- endif -%}
    {%- endfor -%}
    {{- return('other') -}}
{% endmacro %}


{% macro _is_whole_number(data_type) %}
    {#- Snowflake describes every integer as NUMBER(38,0). -#}
    {%- set is_without_scale = modules.re.search(',\\s*0\\s*[)]$', data_type) is not none -%}
    {%- set family = exactly_once.type_family(data_type) -%}
    {{- return(family == 'integer' or (family == 'decimal' and is_without_scale)) -}}
{% endmacro %}
