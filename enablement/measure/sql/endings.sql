-- What became of each opportunity in the end, and when: 1 won, 2 lost, 3 cancelled; 0 has no
-- outcome yet and is followed until $until.
endings as (
    select *, case when closed_at is not null then least(closed_at, $until) end as ended_at,
           case outcome when 'won' then 1 when 'lost' then 2 when 'cancelled' then 3
                        else 0 end as ending,
           case when ending = 0 then $until else ended_at end as ending_at
    from states
),
