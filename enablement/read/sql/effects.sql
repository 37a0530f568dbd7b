-- The headline numbers as they are used, and as they would be if a rule had not been applied:
-- the rows it set aside counted in, the rows it changed as they were, the rows it flagged out.
-- Every rule is a few rows with a sign: what would come in (+1) and what would go out (-1).
moved as (
    select 'set aside' as what, rule, 1 as sign, outcome, amount, currency
    from set_aside
    where $renewals = 'counted' or type is distinct from 'renewal'
    union all
    select 'changed', c.rule, 1, c.outcome, c.amount, o.currency
    from changed c join opportunity o using (opportunity_id)
    union all
    select 'changed', c.rule, -1, o.outcome, o.amount, o.currency
    from changed c join opportunity o using (opportunity_id)
    union all
    select 'flagged', f.rule, -1, o.outcome, o.amount, o.currency
    from flagged f join opportunity o using (opportunity_id)
),
arrived as (
    select 'set aside' as what, rule, count(*) as rows from set_aside group by rule
    union all
    select 'changed', rule, count(*) from changed group by rule
    union all
    select 'flagged', rule, count(*) from flagged group by rule
),
shift as (
    -- A rule whose rows are all renewals moves nothing, and is listed all the same.
    select a.what, a.rule, any_value(a.rows) as rows,
           count(*) filter (sign = 1) as came,
           count(*) filter (sign = 1 and outcome in ('won', 'lost')) as came_decided,
           count(*) filter (sign = 1 and outcome in ('won', 'lost') and amount is not null)
               as came_valued,
           coalesce(sum(sign) filter (sign is not null and outcome is null), 0) as unknown,
           coalesce(sum(sign) filter (outcome = 'won'), 0) as won,
           coalesce(sum(sign) filter (outcome = 'lost'), 0) as lost,
           coalesce(sum(sign) filter (outcome in ('won', 'lost', 'open')), 0) as created,
           coalesce(sum(sign * amount) filter (outcome = 'won'), 0) as won_value,
           coalesce(sum(sign * amount) filter (outcome = 'lost'), 0) as lost_value,
           coalesce(sum(sign) filter (outcome = 'won' and amount > 0), 0) as won_valued,
           coalesce(sum(sign) filter (outcome = 'lost' and amount > 0), 0) as lost_valued
    from arrived a left join moved m using (what, rule)
    group by a.what, a.rule
),
currencies as (
    select count(distinct currency) as known
    from (
        select currency, outcome, amount from opportunity
        union all
        select currency, outcome, amount from moved
    )
    where outcome in ('won', 'lost') and amount is not null
),
measured as (
    select s.*, s.unknown as unsaid, 1 as place, 'win rate' as measure,
           b.won::double as used_won, (b.won + b.lost)::double as used_of,
           (b.won + s.won)::double as otherwise_won,
           (b.won + s.won + b.lost + s.lost)::double as otherwise_of, '' as lacks
    from shift s cross join base b
    union all
    select s.*, s.unknown + s.came_decided - s.came_valued, 2, 'win rate by value', b.won_value, b.won_value + b.lost_value,
           b.won_value + s.won_value,
           b.won_value + s.won_value + b.lost_value + s.lost_value,
           case when c.known = 0 then 'no amounts of decided ones'
                when c.known > 1 then 'amounts in several currencies'
                when least(b.won_valued, b.won_valued + s.won_valued) <= 0
                    then 'no won one has an amount'
                when least(b.lost_valued, b.lost_valued + s.lost_valued) <= 0
                    then 'no lost one has an amount'
                else '' end
    from shift s cross join base b cross join currencies c
    union all
    select s.*, s.unknown, 3, 'conversion', b.won, b.created, b.won + s.won, b.created + s.created, ''
    from shift s cross join base b
),
explained as (
    -- Where nothing of the rows that would come in is known, nothing is said of them.
    select *, unsaid > 0 and (unknown = came or (place = 2 and came_valued = 0)) as nothing
    from measured
)
select 'opportunities' as "table", rule, what, rows, unsaid::bigint as unknown, measure,
       case when lacks = '' and used_of > 0 then used_won / used_of end as used,
       case when lacks = '' and otherwise_of > 0 and not nothing
            then otherwise_won / otherwise_of end as otherwise,
       otherwise - used as difference,
       case when lacks = '' then used_won end as used_won,
       case when lacks = '' then used_of end as used_of,
       case when lacks = '' and not nothing then otherwise_won end as otherwise_won,
       case when lacks = '' and not nothing then otherwise_of end as otherwise_of,
       -- The bounds, whatever became of the rows whose outcome is not known.
       case when lacks = '' and (place <> 2 or unsaid = 0)
            then explained.otherwise_won / nullif(explained.otherwise_of + unknown, 0) end as least,
       case when lacks = '' and (place <> 2 or unsaid = 0)
            then (explained.otherwise_won + unknown) / nullif(explained.otherwise_of + unknown, 0) end as most,
       case when lacks <> '' then lacks
            when unknown = came and unknown > 0 then 'their outcome is not known'
            when used_of <= 0 then 'nothing is ' || if(place = 3, 'counted', 'decided')
            when nothing then 'their amounts are not known'
            when otherwise_of <= 0
                then 'nothing else is ' || if(place = 3, 'counted', 'decided')
            else '' end as why
from explained
order by rows desc, what, rule, place
