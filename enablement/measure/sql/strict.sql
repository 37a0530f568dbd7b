-- Everyone who began, as far as the stages were entered one after the other, none left out.
-- The fold walks the stays in their order and takes a step where the next stage comes.
walked as (
    select opportunity_id,
           list_reduce(
               list(stage_order order by visit),
               lambda reached, next_stage:
                   case when next_stage = reached + 1 then next_stage else reached end,
               0::bigint
           ) as depth
    from seen
    group by opportunity_id
),
counted as (
    select s.* exclude (deepest), walked.depth as deepest,
           case when s.outcome = 'won' and walked.depth = (
               select max(place) from places p where p.pipeline = s.pipeline and p.outcome is null
           ) then 1000 else walked.depth end as depth,
           s.began_at as cohort_at
    from states s
    join walked using (opportunity_id)
    where $first is null or s.began_at between $first and $last
),
