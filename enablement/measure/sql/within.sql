-- One row per opportunity and stage really entered: whether it moved on, to any later stage or by
-- being won, at most $within days after the first entry. Days are those of the calendar.
later as (
    select e.opportunity_id, e.stage_order, v.entered_at as reached_at
    from entries e
    join seen v on v.opportunity_id = e.opportunity_id
        and v.stage_order > e.stage_order and v.visit > e.visit
    union all
    select e.opportunity_id, e.stage_order, c.closed_at as reached_at
    from entries e
    join closings c on c.opportunity_id = e.opportunity_id
        and c.outcome = 'won' and c.closed_at >= e.entered_at and c.closed_at <= $until
),
ends as (
    select e.opportunity_id, e.stage_order, max_by(c.outcome, c.closing) as outcome
    from entries e
    join closings c on c.opportunity_id = e.opportunity_id
        and c.closed_at >= e.entered_at and c.closed_at <= $until
        and date_diff('day', e.entered_at::date, c.closed_at::date) <= $within
    group by e.opportunity_id, e.stage_order
),
timed as (
    select e.*, date_diff('day', e.entered_at::date, $until::date) >= $within as mature,
           date_diff('day', e.entered_at::date, min(l.reached_at)::date) <= $within as in_time
    from entries e
    left join later l on l.opportunity_id = e.opportunity_id and l.stage_order = e.stage_order
    where e.entered_at is not null
    group by e.opportunity_id, e.stage_order, e.visit, e.rep_id, e.entered_at
),
passages as (
    select t.opportunity_id, p.stage, p.place, t.rep_id, t.mature as counts,
           case when $cohort = 'begun' then s.began_at else t.entered_at end as cohort_at,
           coalesce(x.outcome = 'won', false) as won,
           case when not t.mature then 'immature'
                when t.in_time then 'moved on'
                else coalesce(x.outcome, 'open') end as became
    from timed t
    join states s using (opportunity_id)
    join places p on ($one_pipeline or p.pipeline = s.pipeline) and p.outcome is null
        and p.place = t.stage_order
    left join ends x on x.opportunity_id = t.opportunity_id and x.stage_order = t.stage_order
    where $first is null or cohort_at between $first and $last
),
