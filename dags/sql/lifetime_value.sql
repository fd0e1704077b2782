select c.company_id, c.name, coalesce(sum(o.amount), 0) as lifetime_value
from companies c
left join people p on p.company_id = c.company_id
left join orders o on o.email = p.email
group by c.company_id, c.name
