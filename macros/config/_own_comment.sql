{% macro _own_comment() %}
    {#-
        In a model whose table keeps a state of this package in its comment. dbt would write the description over it where
        the root project has persist_docs for every model, which no config of the model itself can take back.
    -#}
    {%- if execute -%}
        {%- do config.get('persist_docs', {}).update({'relation': false}) -%}
        {%- if config.persist_relation_docs() -%}
            {%- do exactly_once._refuse(
                'persist_docs of model ' ~ model.name, 'relation: true', 'relation: false, for its comment is kept by this package',
                'Set it in dbt_project.yml, for this model alone.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
