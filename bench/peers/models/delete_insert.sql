-- what has the same key is deleted, then the batch is inserted
{{ config(incremental_strategy='delete+insert') }}
{{ first_of_each_key(arrived_since_last_run()) }}
