create table people (email text, plan text, seats integer, trial_ends_at text);
insert into people values
    ('ada@example.com', 'pro', 3, '2027-01-31'),
    ('grace@example.com', 'starter', 1, null),
    ('yuki@example.com', 'pro', 12, '2026-12-24'),
    (null, 'free', 1, null);
