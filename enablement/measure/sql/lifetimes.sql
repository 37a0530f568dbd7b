-- One row per opportunity, at place 1000, which stands for the whole of it: the calendar days from
-- its start to its last outcome. A loss that was reopened is no outcome, and an outcome that the
-- CRM dates before the start came on the day of the start.
passages as (
    select opportunity_id, null::varchar as stage, 1000 as place, entry_rep as rep_id,
           began_at is not null and ending_at is not null as counts, began_at as cohort_at,
           ending, greatest(0, date_diff('day', began_at::date, ending_at::date)) as ending_days
    from endings
    where $first is null or cohort_at between $first and $last
),
