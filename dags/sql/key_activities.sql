{%- set now = heap_interval().end %}
select
    p.email,
    coalesce(sum(case when s.started_at >= '{{ now - macros.timedelta(days=7) }}' then s.reports end), 0) as reports_7,
    coalesce(sum(s.reports), 0) as reports_30,
    count(case when s.started_at >= '{{ now - macros.timedelta(days=7) }}' then 1 end) as sessions_7,
    count(s.session_id) as sessions_30
from people p
left join sessions s
    on s.email = p.email
    and s.started_at >= '{{ now - macros.timedelta(days=30) }}'
    and s.started_at < '{{ now }}'
group by p.email
