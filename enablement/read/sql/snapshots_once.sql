-- One row per opportunity and snapshot, whatever the order of the rows: the one whose stage
-- was changed last, then the one that was closed last, then the furthest by its values.
with stated as (
    select * replace (cast(taken as date) as taken)
    from snapshots
    where taken is not null and opportunity_id is not null and stage is not null
),
twice as (
    select opportunity_id, taken from stated group by opportunity_id, taken having count(*) > 1
)
select * from stated anti join twice using (opportunity_id, taken)
union all
select * from stated semi join twice using (opportunity_id, taken)
qualify row_number() over (
    partition by opportunity_id, taken
    order by last_stage_change desc nulls last, closed_at desc nulls last, pipeline, stage desc,
             rep_id, amount desc, expected_close desc, forecast_category, probability desc,
             created_at
) = 1
