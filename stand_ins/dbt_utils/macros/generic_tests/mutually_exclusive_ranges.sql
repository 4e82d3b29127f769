{# Each range is compared with the next one of its partition, in order of their bounds. #}
{% test mutually_exclusive_ranges(
    model, lower_bound_column, upper_bound_column, partition_by=none, gaps='allowed',
    zero_length_range_allowed=false
) %}
    {%- set next_operators = {'allowed': '<=', 'not_allowed': '=', 'required': '<'} -%}
    {%- if gaps not in next_operators -%}
        {%- do exceptions.raise_compiler_error(
            "mutually_exclusive_ranges: gaps is '" ~ gaps ~ "'; it takes "
            ~ next_operators | join(', ') ~ '.'
        ) -%}
    {%- endif -%}
    {%- set partition = 'partition by ' ~ partition_by if partition_by is not none else '' -%}
    {%- set in_order = partition ~ ' order by ' ~ lower_bound_column ~ ', ' ~ upper_bound_column -%}

    with ranges as (
        select
            {%- if partition_by is not none %}
            {{ partition_by }} as partition_by_value,
            {%- endif %}
            {{ lower_bound_column }} as lower_bound,
            {{ upper_bound_column }} as upper_bound,
            lead({{ lower_bound_column }}) over ({{ in_order }}) as next_lower_bound,
            row_number() over ({{ in_order }}) as range_number,
            count(*) over ({{ partition }}) as range_count
        from {{ model }}
    )

    select *
    from ranges
    where
        lower_bound is null
        or upper_bound is null
        or lower_bound > upper_bound
        {%- if not zero_length_range_allowed %}
        or lower_bound = upper_bound
        {%- endif %}
        or (
            range_number < range_count
            and not coalesce(upper_bound {{ next_operators[gaps] }} next_lower_bound, false)
        )
{% endtest %}
