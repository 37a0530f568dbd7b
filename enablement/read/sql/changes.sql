-- One row per change of stage or rep, and per outcome, in the order of events.
-- `exit` says how the stay that begins with the row ended, seen from the end of the export.
with placed as (
    select e.opportunity_id, o.pipeline, e.entered_at as happened_at, e.stage, places.place,
           places.outcome, e.rep_id, null::varchar as from_rep,
           coalesce(e.amount, o.amount) as amount, e.origin = 'derived' as derived
    from stage_events e
    join opportunities o using (opportunity_id)
    join places on places.pipeline = o.pipeline and places.stage = e.stage
),
handed as (
    select c.opportunity_id, o.pipeline, c.changed_at as happened_at, null::varchar as stage,
           null::bigint as place, null::varchar as outcome, c.to_rep as rep_id, c.from_rep,
           null::double as amount, false as derived
    from owner_changes c
    join opportunities o using (opportunity_id)
),
filled as (
    -- The owner at a moment is the last one named up to and at that moment; before the
    -- first change it is the one that change names as the old owner; else the present one.
    select r.*,
           coalesce(
               r.rep_id,
               last_value(r.rep_id ignore nulls) over so_far,
               first_value(r.from_rep ignore nulls) over from_here,
               o.rep_id
           ) as owner,
           coalesce(r.stage, last_value(r.stage ignore nulls) over in_order) as now_stage,
           coalesce(r.place, last_value(r.place ignore nulls) over in_order) as now_place,
           last_value(case when r.stage is not null then coalesce(r.outcome, 'none') end
                      ignore nulls) over in_order as now_outcome,
           row_number() over in_order as n
    from (select * from placed union all select * from handed) r
    join opportunities o using (opportunity_id)
    window so_far as (partition by r.opportunity_id order by r.happened_at
                      range between unbounded preceding and current row),
           from_here as (partition by r.opportunity_id order by r.happened_at
                         rows between current row and unbounded following),
           -- Ties within a moment stand in the order of the stages; a change of owner
           -- belongs to the stage entered at the same moment; the present stage comes last.
           in_order as (partition by r.opportunity_id
                        order by r.happened_at nulls last, r.derived, r.stage is null, r.place,
                                 r.stage, r.rep_id
                        rows between unbounded preceding and current row)
),
changed as (
    select * from filled
    where now_stage is not null
    window by_n as (partition by opportunity_id order by n)
    qualify now_stage is distinct from lag(now_stage) over by_n
        or (now_outcome = 'none' and owner is distinct from lag(owner) over by_n)
)
select opportunity_id, pipeline, now_stage as stage, now_place as stage_order, owner as rep_id,
       happened_at, nullif(now_outcome, 'none') as outcome, amount,
       lead(happened_at) over ahead as next_at,
       case
           when lead(now_stage) over ahead is null then 'open'
           when lead(now_outcome) over ahead <> 'none' then lead(now_outcome) over ahead
           when lead(now_place) over ahead = now_place then 'handed off'
           when lead(now_place) over ahead > now_place then 'advanced'
           else 'back'
       end as exit
from changed
window ahead as (partition by opportunity_id order by n)
order by opportunity_id, n
