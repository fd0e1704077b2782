select people.email, people.company_id, people.plan, count(orders.order_id) as orders
from {{ source('shop', 'people') }} people
left join {{ source('shop', 'orders') }} orders on orders.email = people.email
group by people.email, people.company_id, people.plan
