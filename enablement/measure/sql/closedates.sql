-- Each close date that was given to an opportunity while it was open, in the order of telling, and
-- one row per opportunity, at place 1000, which stands for the whole of it. A push is a move into
-- a later span: `span_days` says in which each day lies.
told as (
    select e.opportunity_id, e.entered_at, e.expected_close::date as due,
           lag(due) over (
               partition by e.opportunity_id order by e.entered_at, p.place, due
           ) as due_before
    from stage_events e
    join opportunities o using (opportunity_id)
    left join places p on p.pipeline = o.pipeline and p.stage = e.stage
    where e.expected_close is not null and e.entered_at <= $until and p.outcome is null
),
span_days as (
    select starts_on, unnest(generate_series(starts_on, ends_on, interval 1 day))::date as day
    from spans
),
pushes as (
    select t.opportunity_id, t.entered_at as moved_at, t.due_before, t.due
    from told t
    join span_days a on a.day = t.due_before
    join span_days b on b.day = t.due
    where b.starts_on > a.starts_on
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
)
