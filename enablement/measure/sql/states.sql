-- Each opportunity as it looked at $until: the deepest stage it had reached, and what had
-- become of it.
with last_visit as (
    select opportunity_id, max(stage_order) as deepest,
           arg_max(stage_order, visit) as present,
           arg_max(exit, visit) as exit,
           arg_min(rep_id, visit) as first_rep,
           arg_max(rep_id, visit) as present_rep,
           min(entered_at) as first_entered_at
    from seen
    group by opportunity_id
),
closed as (
    select *, closed_at <= $until or (closed_at is null and $until >= $export) as is_seen
    from closings
),
last_closing as (
    select opportunity_id, arg_max(outcome, closing) filter (is_seen) as outcome,
           arg_max(rep_id, closing) filter (is_seen) as rep_id,
           arg_max_null(closed_at, closing) filter (is_seen) as closed_at,
           max(closing) filter (is_seen) as closing, max(closing) as closing_of_all
    from closed
    group by opportunity_id
)
select o.opportunity_id, o.pipeline, v.present, v.first_entered_at,
       coalesce(v.first_rep, c.rep_id, o.rep_id) as entry_rep,
       -- Of an open one, the owner is the one of that moment, not who closed it before.
       coalesce(case when v.exit = 'open' then v.present_rep else c.rep_id end,
                o.rep_id) as final_rep,
       case when v.exit = 'open' then 'open' else coalesce(c.outcome, 'open') end as outcome,
       -- The date that counts is the CRM's close date, if this is the closing it belongs to.
       case when c.closing = c.closing_of_all and c.outcome = o.outcome
            then coalesce(o.closed_at, c.closed_at) else c.closed_at end as closed_at,
       coalesce(o.created_at, v.first_entered_at) as began_at,
       v.deepest
from opportunities o
left join last_visit v using (opportunity_id)
left join last_closing c using (opportunity_id)
where (v.opportunity_id is not null or c.closing is not null)
  and ($renewals = 'counted' or o.type is distinct from 'renewal')
