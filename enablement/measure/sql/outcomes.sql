-- One row per opportunity, at place 1000, which stands for the whole of it.
passages as (
    select opportunity_id, null::varchar as stage, 1000 as place, entry_rep as rep_id, outcome,
           true as counts,
           case when $cohort = 'begun' then began_at else closed_at end as cohort_at,
           date_diff('day', began_at::date, closed_at::date)::double as days
    from states
    where ($of = 'created' or outcome in ('won', 'lost'))
      and ($first is null or cohort_at between $first and $last)
),
