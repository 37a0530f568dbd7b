-- One row per opportunity and stage that was ever entered, in whatever order, and one for being
-- won (place 1000). `became` says whether the next stage was entered too.
marks as (
    select s.opportunity_id, s.pipeline, s.outcome, e.stage_order as place, e.rep_id
    from states s
    join entries e using (opportunity_id)
    union all
    select opportunity_id, pipeline, outcome, 1000 as place, final_rep as rep_id
    from states
    where outcome = 'won'
),
kept as (
    select m.*, case when $cohort = 'begun' then s.began_at else s.closed_at end as cohort_at
    from marks m
    join states s using (opportunity_id)
    where (not $decided or s.outcome in ('won', 'lost'))
      and ($first is null or cohort_at between $first and $last)
),
last_places as (
    select pipeline, max(place) as last_place from places where outcome is null group by pipeline
),
passages as (
    select k.opportunity_id, p.stage, k.place, k.rep_id, true as counts, k.cohort_at,
           k.outcome = 'won' as won,
           case when n.opportunity_id is not null then 'moved on'
                when k.outcome = 'won' then 'won past a stage'
                else k.outcome end as became
    from kept k
    join last_places l using (pipeline)
    left join places p on ($one_pipeline or p.pipeline = k.pipeline) and p.outcome is null
        and p.place = k.place
    left join kept n on n.opportunity_id = k.opportunity_id
        and n.place = case when k.place = l.last_place then 1000 else k.place + 1 end
),
