-- MERGE on the key alone: the whole target is searched for it
{{ config(incremental_strategy='merge') }}
{{ first_of_each_key(arrived_since_last_run()) }}
