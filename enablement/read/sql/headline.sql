-- The headline numbers as they are used.
measured as (
    select 1 as place, 'win rate' as measure, won::double as won, (won + lost)::double as "of",
           if(won + lost = 0, 'nothing is decided', '') as why
    from base
    union all
    select 2, 'win rate by value', won_value, won_value + lost_value,
           case when known = 0 then 'no amounts of decided ones'
                when known > 1 then 'amounts in several currencies'
                when won_valued = 0 then 'no won one has an amount'
                when lost_valued = 0 then 'no lost one has an amount'
                else '' end
    from base cross join (
        select count(distinct currency) as known from opportunity
        where outcome in ('won', 'lost') and amount is not null
    )
    union all
    select 3, 'conversion', won, created, if(created = 0, 'nothing is counted', '') from base
)
select measure, case when why = '' and "of" > 0 then won / "of" end as rate,
       case when why = '' then won end as won, case when why = '' then "of" end as "of", why
from measured
order by place
