{#- The interval stands in the text, in a form that every database reads, because styles of bind parameters differ.
    A run without an interval (triggered by hand without a date, or by an asset) sends every order: Heap counts each
    order_id once. #}
select order_id, email, amount, currency, ordered_at
from orders
{% if data_interval_start is defined and data_interval_start %}
where ordered_at >= '{{ data_interval_start.strftime("%Y-%m-%d %H:%M:%S") }}'
  and ordered_at < '{{ data_interval_end.strftime("%Y-%m-%d %H:%M:%S") }}'
{% endif %}
order by ordered_at
