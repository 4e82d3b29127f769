{#-
    Run-operation, for a look by hand on DuckDB. Makes what a loader would have brought: 300 entries, of each third of
    them three copies, and a payout that is there twice.
-#}
{% macro load_landing() %}
    {%- do run_query('create schema if not exists landing."Ledger"') -%}
    {%- do run_query('
        create or replace table landing."Ledger"."Entries" as
        select
            \'o\' || entry as order_ref,
            case when entry % 2 = 1 then \'SALE\' else \'CAP\' end as "Kind",
            cast(10.5 as decimal(18, 4)) as minor_units,
            case when copy > 0 then \' eur\' else \'EUR\' end as ccy,
            timestamptz \'2026-03-01 09:00:00+00\' + to_seconds(entry) as "occurred at",
            "occurred at" + to_seconds(1 + copy) as "Loaded At",
            cast(entry % 5 as integer) as shop,
            cast(json_object(\'trace\', json_object(\'id\', copy), \'approved\', copy = 0 or entry >= 120) as varchar) as body
        from range(300) as entries (entry)
        inner join range(3) as copies (copy) on copy = 0 or entry % 3 = 0
    ') -%}
    {%- do run_query('
        create or replace table landing."Ledger"."Payouts" as
        select
            \'p1\' as payout_no,
            \'B1\' as "Bank",
            timestamp \'2026-03-01 10:00:00\' as "paid at",
            timestamp \'2026-03-01 10:00:00\' + to_seconds(copy) as received_at
        from range(2) as copies (copy)
    ') -%}
    {%- do log('landing."Ledger" has 500 entries and 2 payouts.', info=true) -%}
{% endmacro %}
