{{ config(alias='Dim Accounts', schema='marts', materialized='view') }}
select company_id as "Account ID", count(*) as "Seats" from {{ ref('dim_users') }} group by 1
