-- What was won, whose it was at the close, and whether it was theirs from the start: created by
-- them or, where the owners are recorded, first owned by them.
passages as (
    select s.opportunity_id, null::varchar as stage, 1000 as place, s.final_rep as rep_id,
           true as counts, s.closed_at as cohort_at,
           coalesce($owners_known and s.entry_rep = s.final_rep, false)
               or coalesce(o.creator_code = s.final_rep, false) as own
    from states s
    join opportunities o using (opportunity_id)
    where s.outcome = 'won' and s.closed_at is not null
),
