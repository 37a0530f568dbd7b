-- One row per opportunity and stage up to the deepest one reached: whether it moved on, and
-- what became of it if not. The owner is that of the first entry; where the stage was skipped,
-- that of the next real entry; a won one without a visit belongs to who closed it.
counted as (
    select *, case when outcome = 'won' then 1000 else deepest end as depth
    from states
    where ($definition = 'reached' or outcome in ('won', 'lost'))
      and ($first is null
           or ($definition = 'reached' and began_at between $first and $last)
           or ($definition = 'decided' and closed_at between $first and $last))
),
entries as (
    select opportunity_id, stage_order, min(visit) as visit, arg_min(rep_id, visit) as rep_id
    from seen
    group by opportunity_id, stage_order
),
passages as (
    select c.opportunity_id, p.stage, p.place,
           coalesce(
               arg_min(e.rep_id, (e.stage_order <> p.place, e.visit)),
               any_value(c.final_rep)
           ) as rep_id,
           any_value(c.depth > p.place) as moved_on,
           any_value(c.outcome) as outcome,
           any_value(case when c.depth > p.place then 'moved on'
                when c.outcome <> 'open' then c.outcome
                when c.present < c.deepest then 'back'
                else 'open' end) as became
    from counted c
    join places p on p.pipeline = c.pipeline and p.outcome is null and p.place <= c.depth
    left join entries e on e.opportunity_id = c.opportunity_id and e.stage_order >= p.place
    group by c.opportunity_id, p.stage, p.place
)
