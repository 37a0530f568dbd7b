-- Whose each passage is: the owner's at its entry, and wholly.
select p.* exclude (rep_id), 1.0 as share, p.rep_id,
       q.name as period  -- the fiscal quarter of the cohort
from passages p
left join quarter_days q on q.day = p.cohort_at::date
