-- The median of the days from creation to the close of those won, with and without the flagged.
with won as (
    select opportunity_id, date_diff('day', created_at::date, closed_at::date) as days
    from opportunities
    where outcome = 'won' and created_at is not null and closed_at is not null
      and ($renewals = 'counted' or type is distinct from 'renewal')
),
whole as (select median(days) as used, count(*)::double as used_of from won),
rule as (select rule, count(*) as rows from flagged group by rule),
without as (
    select r.rule, median(w.days) as otherwise, count(w.days)::double as otherwise_of
    from rule r
    left join won w on (r.rule, w.opportunity_id) not in (select (rule, opportunity_id) from flagged)
    group by r.rule
)
select 'opportunities' as "table", rule, 'flagged' as what, rows, 0::bigint as unknown,
       'median days to win' as measure, used, otherwise, otherwise - used as difference,
       null::double as used_won, used_of, null::double as otherwise_won, otherwise_of,
       otherwise as least, otherwise as most,
       case when used_of = 0 then 'nothing won has both dates'
            when otherwise_of = 0 then 'nothing else won has both dates'
            else '' end as why
from rule join without using (rule) cross join whole
order by rows desc, rule
