-- The first stay of an opportunity in each stage that it really entered.
select opportunity_id, stage_order, min(visit) as visit, arg_min(rep_id, visit) as rep_id,
       max_by(entered_at, -visit) as entered_at
from seen
group by opportunity_id, stage_order
