{#- Heap counts each order_id once, so an order that two runs send does no harm. #}
select order_id, email, amount, currency, ordered_at
from orders
where ordered_at >= '{{ heap_interval(lookback=macros.timedelta(days=1)).start }}'
  and ordered_at < '{{ heap_interval().end }}'
order by ordered_at
