{{ config(materialized='ephemeral') }}
select id, email from {{ source('raw', 'orders') }} where email is not null
