select s.opportunity_id, s.outcome, s.closed_at, s.began_at, s.final_rep as rep_id,
       case when $amounts = 'now' then o.amount else k.amount end as amount,
       case when $due_dates = 'now' then o.expected_close else k.expected_close end
           as expected_close
from states s
join opportunities o using (opportunity_id)
left join (
    select e.opportunity_id,
           arg_max(e.amount, (e.entered_at, p.place, e.amount))
               filter (e.amount is not null) as amount,
           arg_max(e.expected_close, (e.entered_at, p.place, e.expected_close))
               filter (e.expected_close is not null) as expected_close
    from stage_events e
    join opportunities d using (opportunity_id)
    join places p on p.pipeline = d.pipeline and p.stage = e.stage
    where e.entered_at <= $until
    group by e.opportunity_id
) k using (opportunity_id)
