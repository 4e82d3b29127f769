-- the first model of a run pays for what dbt loads: not one of those that are measured
{{ config(materialized='view', schema='peers_warm_up') }}
select 1 as one
