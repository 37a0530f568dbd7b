-- One row per opportunity and stage really entered: the days from the first entry to its first
-- outcome, and to its last one. Outcomes compete: 1 moved on (to any later stage, or won), 2 lost,
-- 3 cancelled; 0 has none yet and is followed until $until. A loss that was reopened is no outcome,
-- since `states` knows the last one only. Days are those of the calendar; an outcome that the CRM
-- dates before the entry came on the day of the entry.
onward as (
    select e.opportunity_id, e.stage_order, min(v.entered_at) as moved_at
    from entries e
    join seen v on v.opportunity_id = e.opportunity_id
        and v.stage_order > e.stage_order and v.visit > e.visit
    group by e.opportunity_id, e.stage_order
),
followed as (
    select e.*, s.pipeline, s.present, s.outcome, s.ending, s.began_at,
           case when n.opportunity_id is not null then 1 else s.ending end as event,
           case when event = 0 then $until
                when n.opportunity_id is not null then n.moved_at
                else s.ended_at end as event_at,
           s.ending_at
    from entries e
    join endings s using (opportunity_id)
    left join onward n on n.opportunity_id = e.opportunity_id and n.stage_order = e.stage_order
),
passages as (
    select f.opportunity_id, p.stage, p.place, f.rep_id,
           f.entered_at is not null and f.event_at is not null
               and f.ending_at is not null as counts,
           case when $cohort = 'begun' then f.began_at else f.entered_at end as cohort_at,
           f.outcome = 'won' as won,
           case when not counts then 'undated'
                when f.event = 1 then 'moved on'
                when f.event > 0 then f.outcome
                when f.present < p.place then 'back'
                else 'open' end as became,
           f.event, greatest(0, date_diff('day', f.entered_at::date, f.event_at::date)) as days,
           f.ending,
           greatest(0, date_diff('day', f.entered_at::date, f.ending_at::date)) as ending_days
    from followed f
    join places p on ($one_pipeline or p.pipeline = f.pipeline) and p.outcome is null
        and p.place = f.stage_order
    where $first is null or cohort_at between $first and $last
),
