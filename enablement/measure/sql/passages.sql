-- One row per opportunity and stage up to its depth: whether it moved on, and what became of it
-- if not. The owner is that of the first entry; where the stage was skipped, that of the next
-- real entry; a won one without a visit belongs to who closed it.
last_places as (
    select pipeline, max(place) as last_place from places where outcome is null group by pipeline
),
entered as (
    select c.opportunity_id, c.pipeline, c.depth, c.outcome, c.present, c.deepest, c.cohort_at,
           e.stage_order as place, e.rep_id
    from entries e
    join counted c using (opportunity_id)
    where e.stage_order <= c.depth
),
-- Most skipped none, and only of the others every place has to be looked at.
skipping as (
    select c.*
    from counted c
    join last_places l using (pipeline)
    left join (select opportunity_id, count(*) as stages from entered group by opportunity_id) n
        using (opportunity_id)
    where coalesce(n.stages, 0) < least(c.depth, l.last_place)
),
reached as (
    select s.opportunity_id, s.pipeline, s.depth, s.outcome, s.present, s.deepest, s.cohort_at,
           s.final_rep, p.place
    from skipping s
    join places p on ($one_pipeline or p.pipeline = s.pipeline) and p.outcome is null
        and p.place <= s.depth
),
next_owners as (
    select r.opportunity_id, r.place, arg_min(e.rep_id, e.visit) as rep_id,
           bool_or(e.stage_order = r.place) as was_entered
    from reached r
    join entries e on e.opportunity_id = r.opportunity_id and e.stage_order >= r.place
    group by r.opportunity_id, r.place
),
passed as (
    select * from entered
    union all
    select r.* exclude (final_rep), coalesce(n.rep_id, r.final_rep) as rep_id
    from reached r
    left join next_owners n on n.opportunity_id = r.opportunity_id and n.place = r.place
    where n.was_entered is not true
),
passages as (
    select e.opportunity_id, p.stage, e.place, e.rep_id, true as counts, e.cohort_at,
           e.depth = 1000 as won,
           case when e.depth > e.place then 'moved on'
                when e.outcome = 'won' then 'won past a stage'
                when e.outcome <> 'open' then e.outcome
                when e.present < e.deepest then 'back'
                else 'open' end as became
    from passed e
    join places p on ($one_pipeline or p.pipeline = e.pipeline) and p.outcome is null
        and p.place = e.place
),
