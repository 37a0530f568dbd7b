-- Those won or lost, as far as the deepest stage reached; a won one passed them all.
counted as (
    select *, case when outcome = 'won' then 1000 else deepest end as depth
    from states
    where outcome in ('won', 'lost') and ($first is null or closed_at between $first and $last)
),
