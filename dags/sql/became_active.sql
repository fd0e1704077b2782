-- Here a user becomes active with the first report. Say what it is in your product.
select email, min(started_at) as became_active_at
from sessions
where reports > 0
group by email
