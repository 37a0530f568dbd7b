-- One row per opportunity and stage up to its depth: whether it moved on, and what became of it
-- if not. The owner is that of the first entry; where the stage was skipped, that of the next
-- real entry; a won one without a visit belongs to who closed it.
passages as (
    select c.opportunity_id, p.stage, p.place,
           coalesce(
               arg_min(e.rep_id, (e.stage_order <> p.place, e.visit)),
               any_value(c.final_rep)
           ) as rep_id,
           true as counts, any_value(c.cohort_at) as cohort_at,
           any_value(c.depth = 1000) as won,
           any_value(case when c.depth > p.place then 'moved on'
                when c.outcome = 'won' then 'won past a stage'
                when c.outcome <> 'open' then c.outcome
                when c.present < c.deepest then 'back'
                else 'open' end) as became
    from counted c
    join places p on p.pipeline = c.pipeline and p.outcome is null and p.place <= c.depth
    left join entries e on e.opportunity_id = c.opportunity_id and e.stage_order >= p.place
    group by c.opportunity_id, p.stage, p.place
),
