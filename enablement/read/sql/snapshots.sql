-- What each snapshot shows of an opportunity that the one before did not: one row per
-- opportunity and snapshot in which it appears, comes back, differs, or is seen for the
-- last time before it is missing. Rows that stand twice are there as `again`.
with stated as (
    select cast(taken as date) as taken, cast(opportunity_id as varchar) as opportunity_id,
           cast(pipeline as varchar) as pipeline, cast(stage as varchar) as stage,
           cast(rep_id as varchar) as rep_id, cast(amount as double) as amount,
           cast(expected_close as timestamp) as expected_close,
           cast(forecast_category as varchar) as forecast_category,
           cast(probability as double) as probability,
           cast(created_at as timestamp) as created_at,
           cast(closed_at as timestamp) as closed_at,
           cast(last_stage_change as timestamp) as last_stage_change
    from snapshots
    where taken is not null and opportunity_id is not null and stage is not null
),
days as (
    select taken, lag(taken) over (order by taken) as day_before,
           lead(taken) over (order by taken) as day_after
    from (select distinct taken from stated)
),
compared as (
    -- What is not filled in is not known, so it is compared with the last that was.
    select stated.*,
           lag(taken) over w as taken_before,
           lead(taken) over w as taken_after,
           lag(pipeline) over w as pipeline_before,
           lag(stage) over w as stage_before,
           lag(last_stage_change) over w as stage_change_before,
           lag(rep_id ignore nulls) over w as rep_before,
           lag(amount ignore nulls) over w as amount_before,
           lag(expected_close ignore nulls) over w as close_before
    from stated
    window w as (partition by opportunity_id order by taken)
),
judged as (
    select compared.*, days.day_before, days.day_after,
           taken_before is null as appeared,
           coalesce(taken_before = taken, false) as again,
           coalesce(taken_before < days.day_before, false) as came_back,
           days.day_after is not null and taken_after is distinct from days.day_after as missing,
           taken_before is not null
               and (stage is distinct from stage_before
                    or pipeline is distinct from pipeline_before) as moved,
           taken_before is not null and pipeline is distinct from pipeline_before as rerouted,
           coalesce(amount <> amount_before, false) as amount_moved,
           coalesce(expected_close <> close_before, false) as close_moved,
           coalesce(rep_id <> rep_before, false) as handed,
           stage is not distinct from stage_before
               and coalesce(last_stage_change > stage_change_before, false) as round_trip
    from compared
    join days using (taken)
)
select *
from judged
where appeared or again or came_back or missing or moved or amount_moved or close_moved
   or handed or round_trip
order by opportunity_id, taken
