-- Also the users without a trial: without them, Heap would keep the date of a trial that is over.
select email, plan, trial_ends_at
from people
