-- Those won or lost, as far as the deepest stage reached; a won one passed them all.
counted as (
    select *, case when outcome = 'won' then 1000 else deepest end as depth,
           case when $cohort = 'begun' then began_at else closed_at end as cohort_at
    from states
    where outcome in ('won', 'lost') and ($first is null or cohort_at between $first and $last)
),
