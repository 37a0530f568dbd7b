-- What the conversion from a stage would be if entries that were set aside had been used: of
-- those that came as far as the stage, the share that came further, or was won. Per rule the
-- stage whose conversion moves most.
with opportunity as (
    select opportunity_id, pipeline, outcome
    from opportunities
    where $renewals = 'counted' or type is distinct from 'renewal'
),
deepest as (
    select opportunity_id, o.pipeline,
           coalesce(max(if(o.outcome = 'won', 1000000, v.stage_order)), 0) as place
    from opportunity o left join stage_visits v using (opportunity_id)
    group by all
),
gone as (
    select rule, count(*) as rows,
           count(*) filter (stage is null or opportunity_id not in (from opportunities
                                                                    select opportunity_id))
               as unknown
    from set_aside
    group by rule
),
raised as (
    select g.rule, d.pipeline, d.place as before, greatest(d.place, max(s.place)) as after
    from set_aside g
    join deepest d using (opportunity_id)
    join spots s on s.pipeline = d.pipeline and s.stage = g.stage and s.outcome is null
    group by g.rule, opportunity_id, d.pipeline, d.place
),
base as (
    select s.pipeline, s.stage, s.place, count(*) filter (d.place >= s.place) as used_of,
           count(*) filter (d.place > s.place) as used_won
    from spots s join deepest d using (pipeline)
    where s.outcome is null
    group by all
),
shift as (
    select r.rule, b.stage, b.place, b.used_won, b.used_of,
           b.used_won + sum((before <= b.place and after > b.place)::int) as otherwise_won,
           b.used_of + sum((before < b.place and after >= b.place)::int) as otherwise_of
    from raised r join base b using (pipeline)
    group by r.rule, b.pipeline, b.stage, b.place, b.used_won, b.used_of
),
most as (
    select *, used_won / nullif(used_of, 0) as used, otherwise_won / nullif(otherwise_of, 0)
               as otherwise
    from shift
    qualify row_number() over (partition by rule
                               order by abs(otherwise - used) desc nulls last, place) = 1
)
select 'stage_events' as "table", rule, 'set aside' as what, rows, unknown,
       coalesce('conversion from ' || m.stage, 'conversion by stage') as measure,
       used, otherwise, otherwise - used as difference,
       used_won::double as used_won, used_of::double as used_of,
       otherwise_won::double as otherwise_won, otherwise_of::double as otherwise_of,
       otherwise as least, otherwise as most,
       case when unknown = rows then 'their opportunities or stages are not known' else '' end
           as why
from gone left join most m using (rule)
order by rows desc, rule
