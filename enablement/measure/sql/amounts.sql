-- What each opportunity was worth, in one currency: now, or as the history last had it.
amounts as (
    select n.opportunity_id, n.amount * x.rate as amount, x.rate,
           case when n.amount is not null then x.lacks end as lacks
    from (
        select o.opportunity_id,
               case when $amounts = 'now' then o.amount else k.amount end as amount
        from opportunities o
        left join (
            select e.opportunity_id,
                   arg_max(e.amount, (e.entered_at, p.place, e.amount)) as amount
            from stage_events e
            join opportunities d using (opportunity_id)
            join places p on p.pipeline = d.pipeline and p.stage = e.stage
            where e.entered_at <= $until and e.amount is not null
            group by e.opportunity_id
        ) k using (opportunity_id)
    ) n
    join exchanged x using (opportunity_id)
),
