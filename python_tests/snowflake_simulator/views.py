"""What SHOW and the information schema read: DuckDB's catalog joined with ours."""

from __future__ import annotations

# Ours: owners, grants and the rest that DuckDB does not know. object_name is '' for a schema, and
# schema_name is '' for a database.
SCHEMA = "_fs_global._simulator"

TABLES_SQL = f"""
create schema {SCHEMA};
create table {SCHEMA}.objects (
    database_name varchar, schema_name varchar, object_name varchar, kind varchar, owner varchar,
    created_on timestamptz, last_altered timestamptz, is_transient boolean, cluster_by varchar,
    schema_comment varchar, is_managed boolean
);
create table {SCHEMA}.grants (
    privilege varchar, kind varchar, database_name varchar, schema_name varchar,
    object_name varchar, role varchar, granted_by varchar, created_on timestamptz
);
create table {SCHEMA}.future_grants (
    privilege varchar, kind varchar, database_name varchar, schema_name varchar, role varchar,
    granted_by varchar
);
create table {SCHEMA}.query_history (
    query_id varchar, query_text varchar, query_type varchar, query_tag varchar,
    session_id bigint, user_name varchar, role_name varchar, warehouse_name varchar,
    database_name varchar, schema_name varchar, execution_status varchar, error_code varchar,
    error_message varchar, start_time timestamptz, end_time timestamptz,
    total_elapsed_time bigint, rows_produced bigint, rows_inserted bigint, rows_updated bigint,
    rows_deleted bigint, rows_scanned bigint, bytes_scanned bigint
);
"""

# A role sees what it owns or has any privilege on. The roles are those of the session that asks.
# https://docs.snowflake.com/en/sql-reference/info-schema: General usage notes
IS_SEEN_SQL = f"""
create macro {SCHEMA}.is_seen(in_database, in_schema, named, owned_by) as (
    with roles as (
        select unnest(string_split(getvariable('simulator_roles'), ',')) as active
    ),
    -- DuckDB puts the arguments in as text: columns of their names would be taken for them
    given as (
        select database_name as of_database, schema_name as of_schema, object_name as on_object
        from {SCHEMA}.grants
        where role in (select active from roles)
    )
    select
        owned_by in (select active from roles)
        or (in_database, in_schema, named) in (
            select (of_database, of_schema, on_object) from given
        )
)
"""
IS_OBJECT_SEEN = f"{SCHEMA}.is_seen(database_name, schema_name, object_name, owner)"
IS_SCHEMA_SEEN = f"""(
    schema_name = 'INFORMATION_SCHEMA' or {SCHEMA}.is_seen(database_name, schema_name, '', owner)
)"""

# The type of a column as DESCRIBE TABLE spells it.
TYPE_SQL = """
case
    when data_type in ('TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'HUGEINT', 'UBIGINT', 'UINTEGER')
        then 'NUMBER(38,0)'
    when data_type like 'DECIMAL%' then replace(data_type, 'DECIMAL', 'NUMBER')
    when data_type in ('VARCHAR', 'UUID') then 'VARCHAR(16777216)'
    when data_type in ('DOUBLE', 'FLOAT') then 'FLOAT'
    when data_type = 'BLOB' then 'BINARY(8388608)'
    when data_type = 'JSON' then 'VARIANT'
    when data_type = 'TIME' then 'TIME(9)'
    when data_type in ('TIMESTAMP', 'TIMESTAMP_NS') then 'TIMESTAMP_NTZ(9)'
    when data_type = 'TIMESTAMP WITH TIME ZONE' then 'TIMESTAMP_TZ(9)'
    else data_type
end
"""

SHOWN_SQL = f"""
create view {SCHEMA}.shown_objects as
with relations as (
    select
        database_name, schema_name, table_name as object_name, 'TABLE' as kind, comment,
        simulator_row_count(database_name, schema_name, table_name) as row_count, null as text
    from duckdb_tables()
    where not internal and not temporary
    union all
    select database_name, schema_name, view_name, 'VIEW', comment, null, sql
    from duckdb_views()
    where not internal and not temporary
)
select
    relations.database_name, relations.schema_name, relations.object_name, relations.kind,
    coalesce(relations.comment, '') as comment, relations.row_count, relations.text,
    coalesce(objects.owner, 'ACCOUNTADMIN') as owner,
    objects.created_on, objects.last_altered,
    coalesce(objects.is_transient, false) as is_transient,
    coalesce(objects.cluster_by, '') as cluster_by
from relations
left join {SCHEMA}.objects using (database_name, schema_name, object_name)
where relations.schema_name not in ('main', '_fs_information_schema')
    and relations.database_name not in ('_fs_global', 'memory', 'system', 'temp');

create view {SCHEMA}.shown_schemas as
select
    found.database_name, found.schema_name, objects.created_on, objects.last_altered,
    coalesce(objects.owner, 'ACCOUNTADMIN') as owner,
    coalesce(objects.schema_comment, '') as comment,
    coalesce(objects.is_transient, false) as is_transient
from duckdb_schemas() as found
left join {SCHEMA}.objects
    on objects.database_name = found.database_name
    and objects.schema_name = found.schema_name
    and objects.object_name = ''
where not found.internal
    and found.schema_name not in ('main', '_fs_information_schema', 'pg_catalog')
    and found.database_name not in ('_fs_global', 'memory', 'system', 'temp');
"""


def information_schema_sql(database: str) -> str:
    """INFORMATION_SCHEMA.TABLES, .COLUMNS, .VIEWS and .SCHEMATA of one database."""
    here = f"{database}._fs_information_schema"
    return f"""
create or replace view {here}._fs_tables as
select
    database_name as table_catalog, schema_name as table_schema, object_name as table_name,
    owner as table_owner, case kind when 'TABLE' then 'BASE TABLE' else kind end as table_type,
    case when is_transient then 'YES' else 'NO' end as is_transient,
    nullif(cluster_by, '') as clustering_key, row_count, null::bigint as bytes,
    1 as retention_time, created_on as created, last_altered, last_altered as last_ddl,
    owner as last_ddl_by, 'NO' as auto_clustering_on, nullif(comment, '') as comment,
    'NO' as is_temporary, 'NO' as is_iceberg, 'NO' as is_dynamic, 'NO' as is_hybrid
from {SCHEMA}.shown_objects
where database_name = '{database}' and {IS_OBJECT_SEEN};

-- fakesnow knows BIGINT alone as a whole number
create or replace view {here}._fs_columns as
select * replace (
    case when data_type similar to '[A-Z]*INT|INTEGER' then 'NUMBER' else data_type end
        as data_type,
    case when data_type similar to '[A-Z]*INT|INTEGER' then 38 else numeric_precision end
        as numeric_precision
)
from _fs_global._fs_information_schema._fs_columns
where
    table_catalog = '{database}'
    and (table_schema, table_name) in (select (table_schema, table_name) from {here}._fs_tables);

create or replace view {here}._fs_views as
select
    database_name as table_catalog, schema_name as table_schema, object_name as table_name,
    owner as table_owner, text as view_definition, 'NO' as is_secure, created_on as created,
    last_altered, nullif(comment, '') as comment
from {SCHEMA}.shown_objects
where database_name = '{database}' and kind = 'VIEW' and {IS_OBJECT_SEEN};

create or replace view {here}._fs_schemata as
select
    database_name as catalog_name, schema_name, owner as schema_owner,
    case when is_transient then 'YES' else 'NO' end as is_transient, 1 as retention_time,
    created_on as created, last_altered, nullif(comment, '') as comment
from {SCHEMA}.shown_schemas
where database_name = '{database}' and {IS_SCHEMA_SEEN}
union all
select '{database}', 'INFORMATION_SCHEMA', null, 'NO', 1, null, null, null;
"""
