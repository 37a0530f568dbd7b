-- What each opportunity was worth, in its own currency: now, or as the history last had it.
select o.opportunity_id,
       case when $amounts = 'now' then o.amount else k.amount end as amount,
       1.0::double as rate, null::varchar as lacks
from used o
left join (
    select opportunity_id, arg_max(amount, (entered_at, place, amount)) as amount
    from stage_events
    where $amounts = 'then' and entered_at <= $until and amount is not null
    group by opportunity_id
) k using (opportunity_id)
