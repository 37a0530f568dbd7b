-- From the differences between snapshots to events. A stage was entered after the last
-- snapshot that shows another and by the first that shows it; a date of the export's own
-- holds if it lies between the two, else the day of the later one does.
with stated as (
    select changes.*, here.place, here.outcome, there.place as place_before
    from changes
    left join places here on here.pipeline = changes.pipeline and here.stage = changes.stage
    left join places there on there.pipeline = changes.pipeline
                          and there.stage = changes.stage_before
                          and not changes.rerouted
    where appeared or moved or amount_moved or close_moved
),
bounded as (
    -- Absent from the snapshot before although it was created earlier: left out, not new.
    select *,
           case when not appeared then taken_before
                when created_at is null or cast(created_at as date) >= day_before
                    then day_before
           end as seen_after,
           taken + interval 1 day as too_late,
           appeared or moved as entered
    from stated
),
dated as (
    select *,
           coalesce(
               case when entered and outcome is not null and closed_at < too_late
                         and (seen_after is null or closed_at >= seen_after)
                    then closed_at end,
               case when appeared and place = 1 and created_at < too_late
                         and (seen_after is null or created_at >= seen_after)
                    then created_at end,
               case when entered and last_stage_change < too_late
                         and (seen_after is null or last_stage_change >= seen_after)
                    then last_stage_change end
           ) as own_date
    from bounded
),
followed as (
    -- No later than this was the event before: its own date may lie on the very day of its
    -- snapshot, and so may the date of this one.
    select *, lag(greatest(own_date, taken)) over (
                  partition by opportunity_id order by taken
              ) as last_event
    from dated
),
settled as (
    select *,
           case when last_event is null or own_date > last_event then own_date
                -- Within a moment events stand in the order of the stages, so only a step
                -- forward may share one.
                when place > place_before and own_date is not null then last_event
           end as settled_date
    from followed
)
select opportunity_id, coalesce(settled_date, taken) as entered_at, stage, rep_id, amount,
       expected_close, forecast_category, probability, 'snapshots' as origin, pipeline,
       cast(seen_after as timestamp) as seen_after, cast(taken as timestamp) as seen_by,
       entered and settled_date is null and seen_after is not null as by_snapshot,
       entered and settled_date is null and seen_after is null as unbounded
from settled
order by opportunity_id, seen_by
