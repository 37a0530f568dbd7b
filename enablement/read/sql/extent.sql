-- What there is of each kind, and from when to when: one row from which an export's filters show.
-- A visit's first entry stands in for the day of creation where there is none.
with begun as (
    select opportunity_id, min(entered_at) as entered_at from stage_visits group by opportunity_id
),
opportunity as (
    select o.outcome, o.rep_id, o.type, o.pipeline, o.created_at::date as created_on,
           coalesce(o.created_at, b.entered_at)::date as began_on,
           case when o.outcome <> 'open' then o.closed_at::date end as closed_on,
           o.opportunity_id
    from opportunities o left join begun b using (opportunity_id)
),
edges as (
    select min(created_on) as first_created, max(created_on) as last_created,
           min(began_on) as first_began,
           min(closed_on) filter (outcome in ('won', 'lost')) as first_closed,
           max(closed_on) filter (outcome in ('won', 'lost')) as last_closed
    from opportunity
),
-- Days to close of those that began when closing was seen already: these had the chance to be
-- quick, which the earlier ones had not if the early closings were left out.
usual as (
    select median(date_diff('day', began_on, closed_on)) as days, count(*) as n
    from opportunity cross join edges
    where outcome in ('won', 'lost') and began_on >= first_closed and closed_on >= began_on
),
months as (
    select count(*) as n
    from opportunity cross join edges
    where created_on is not null
    group by date_diff('day', first_created, created_on) // 30
)
select count(*) as rows,
       count(*) filter (outcome = 'won') as won,
       count(*) filter (outcome = 'lost') as lost,
       count(*) filter (outcome = 'open') as open,
       count(*) filter (outcome = 'cancelled') as cancelled,
       count(rep_id) as owned, count(distinct rep_id) as owners, min(rep_id) as owner,
       count(distinct pipeline) as pipelines, min(pipeline) as pipeline,
       count(type) as typed, count(distinct type) as types, min(type) as type,
       count(created_on) as created, count(closed_on) filter (outcome in ('won', 'lost')) as closed,
       any_value(first_created) as first_created, any_value(last_created) as last_created,
       any_value(first_began) as first_began,
       any_value(first_closed) as first_closed, any_value(last_closed) as last_closed,
       count(*) filter (date_diff('day', first_created, created_on) < 30) as early_created,
       (select median(n) from months) as usual_created,
       any_value(usual.days) as usual_days, any_value(usual.n) as usual_n,
       count(*) filter (outcome in ('won', 'lost') and closed_on is not null
                        and date_diff('day', began_on, first_closed) >= usual.days) as too_late,
       count(*) filter (outcome in ('won', 'lost') and closed_on is not null
                        and date_diff('day', began_on, first_closed) > 0) as before_first_close
from opportunity cross join edges cross join usual
