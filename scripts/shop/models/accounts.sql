select company_id as "Account ID", count(*) as "Seats"
from {{ ref('dim_users') }}
group by company_id
