select email, company_id, plan, trial_ends_at
from people
order by email
