-- Opportunities in several stages, all of them entered on one day: the days say when somebody
-- wrote them down.
select opportunity_id, true as batch_updated
from seen
group by opportunity_id
having min(stage_order) < max(stage_order) and count(entered_at) = count(*)
   and min(entered_at)::date = max(entered_at)::date
