-- Every change of stage that the export knows, in one table: the history as given,
-- one event per stage date, and the present stage of an opportunity where neither
-- of them leads up to it.
with dated as (
    select opportunity_id, entered_at, stage, rep_id, amount, expected_close,
           forecast_category, probability, origin
    from given
),
last_known as (
    select dated.opportunity_id,
           arg_max(dated.stage, (coalesce(dated.entered_at, timestamp '-infinity'), places.place,
                                dated.stage)) as stage,
           max(dated.entered_at) as entered_at
    from dated
    join opportunities using (opportunity_id)
    join places on places.pipeline = opportunities.pipeline and places.stage = dated.stage
    group by dated.opportunity_id
),
derived as (
    select o.opportunity_id,
           case
               -- Without a date of its own the change is known, and its day is not.
               when places.outcome is not null and o.closed_at is not null
                   then greatest(o.closed_at, last_known.entered_at)
               when places.outcome is null and o.last_stage_change is not null
                   then greatest(o.last_stage_change, last_known.entered_at)
               -- An opportunity that was never seen elsewhere began where it is.
               when places.place = 1 and last_known.stage is null then o.created_at
           end as entered_at,
           o.stage, null::varchar as rep_id, null::double as amount,
           null::timestamp as expected_close, null::varchar as forecast_category,
           null::double as probability, 'derived' as origin
    from opportunities o
    join places on places.pipeline = o.pipeline and places.stage = o.stage
    left join last_known using (opportunity_id)
    where last_known.stage is distinct from o.stage
)
select * from dated
union all
select * from derived
order by opportunity_id, entered_at nulls last
