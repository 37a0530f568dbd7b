-- What each opportunity was worth, in one currency: now, or as the history last had it.
select n.opportunity_id, n.amount * x.rate as amount, x.rate,
       case when n.amount is not null then x.lacks end as lacks
from (
    select o.opportunity_id,
           case when $amounts = 'now' then o.amount else k.amount end as amount
    from opportunities o
    left join (
        select opportunity_id, arg_max(amount, (entered_at, place, amount)) as amount
        from stage_events
        where $amounts = 'then' and entered_at <= $until and amount is not null
        group by opportunity_id
    ) k using (opportunity_id)
) n
join exchanged x using (opportunity_id)
