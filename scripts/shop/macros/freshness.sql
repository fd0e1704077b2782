{#- SQLite has no type for times, and dbt-sqlite gives their text to dbt, which wants a time. #}
{% macro sqlite__collect_freshness(source, loaded_at_field, filter) %}
  {% call statement('collect_freshness', fetch_result=True, auto_begin=False) -%}
    select max({{ loaded_at_field }}), datetime('now') from {{ source }}
  {%- endcall %}
  {% set result, times = load_result('collect_freshness'), [] %}
  {% for text in result.table[0] %}
    {% do times.append(modules.datetime.datetime.strptime(text, '%Y-%m-%d %H:%M:%S')) %}
  {% endfor %}
  {{ return(namespace(response=result.response, table=[times])) }}
{% endmacro %}
