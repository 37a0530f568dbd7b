-- What became in a period of what was open when it began, and what was created and won in it. What
-- was due belongs to who owned it then, what was won besides to who closed it.
sources as (
    select e.opportunity_id,
           case when a.outcome = 'open' and a.expected_close between $first and $last then 'due'
                when a.opportunity_id is null or coalesce(e.began_at > $until_opening, false)
                then 'created'
                else 'pulled in' end as source,
           case when source = 'due' then a.rep_id else e.rep_id end as rep_id,
           a.amount * x.rate as due,
           case when e.outcome = 'won' and e.closed_at > $until_opening and e.closed_at <= $last
                then coalesce(e.amount, a.amount) * x.rate end as won,
           x.lacks
    from ending e
    left join opening a using (opportunity_id)
    join exchanged x using (opportunity_id)
),
