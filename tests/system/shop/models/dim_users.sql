select u.email, u.company_id, u.plan, u.plan = 'free' as is_free, count(o.id) as orders
from {{ source('raw', 'Users') }} u left join {{ ref('clean_orders') }} o using (email)
group by 1, 2, 3
