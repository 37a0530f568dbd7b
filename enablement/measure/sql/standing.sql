-- How each opportunity stood at $until: open or not, whose, worth how much, due when.
select s.opportunity_id, s.outcome, s.closed_at, s.began_at, s.final_rep as rep_id,
       case when $amounts = 'now' then o.amount else k.amount end as amount,
       case when $due_dates = 'now' then o.expected_close else k.expected_close end
           as expected_close
from states s
join opportunities o using (opportunity_id)
left join (
    select opportunity_id,
           arg_max(amount, (entered_at, place, amount)) filter (amount is not null) as amount,
           arg_max(expected_close, (entered_at, place, expected_close))
               filter (expected_close is not null) as expected_close
    from stage_events
    where entered_at <= $until and not ($amounts = 'now' and $due_dates = 'now')
    group by opportunity_id
) k using (opportunity_id)
