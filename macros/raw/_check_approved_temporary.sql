{% macro _check_approved(incident_id) %}
    {#- Stands in for the check of approvals until that is there; lets every incident pass. -#}
{% endmacro %}
