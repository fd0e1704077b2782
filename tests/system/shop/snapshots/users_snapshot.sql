{% snapshot users_snapshot %}
{{ config(unique_key='email', strategy='check', check_cols=['plan']) }}
select * from {{ ref('dim_users') }}
{% endsnapshot %}
