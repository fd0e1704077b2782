select 1 as invoice, 'ada@x.com' as email union all select 1, null
