-- Everyone who began, as far as the deepest stage reached; a won one passed them all.
counted as (
    select *, case when outcome = 'won' then 1000 else deepest end as depth,
           began_at as cohort_at
    from states
    where $first is null or began_at between $first and $last
),
