-- Each close date that was given to an opportunity while it was open, in the order of telling, and
-- one row per opportunity, at place 1000, which stands for the whole of it. A push is a move into
-- a later span: `span_days` says in which each day lies.
span_days as (
    select starts_on, unnest(generate_series(starts_on, ends_on, interval 1 day))::date as day
    from spans
),
told as (
    select e.opportunity_id, e.entered_at, e.expected_close::date as due, d.starts_on,
           lag(due) over telling as due_before, lag(d.starts_on) over telling as started_before
    from stage_events e
    left join span_days d on d.day = e.expected_close::date
    where e.expected_close is not null and e.entered_at <= $until
      and coalesce(e.place < 1000, true)
    window telling as (
        partition by e.opportunity_id order by e.entered_at, e.place, e.expected_close
    )
),
pushes as (
    select opportunity_id, entered_at as moved_at, due_before, due
    from told
    where starts_on > started_before
),
pushed as (
    select opportunity_id, count(*) as pushes from pushes group by opportunity_id
),
dated as (
    select distinct opportunity_id from told
),
passages as (
    select s.opportunity_id, null::varchar as stage, 1000 as place, s.entry_rep as rep_id,
           case when $told_by = 'crm' then o.push_count is not null
                else d.opportunity_id is not null end as counts,
           s.began_at as cohort_at,
           case when $told_by = 'crm' then o.push_count else coalesce(n.pushes, 0) end as pushes
    from states s
    join opportunities o using (opportunity_id)
    left join dated d using (opportunity_id)
    left join pushed n using (opportunity_id)
    where $first is null or s.began_at between $first and $last
),
