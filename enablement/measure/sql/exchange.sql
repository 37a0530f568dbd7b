-- What one unit of an opportunity's currency is worth in $currency: on the day of its closing, of
-- an open one at $until; `lacks` names the currency and the day where no rate is known.
days as (
    select o.opportunity_id, o.currency,
           case when $convert_at = 'close' and s.outcome <> 'open'
                then coalesce(s.closed_at, $until) else $until end::date as day
    from opportunities o
    left join states s using (opportunity_id)
)
select d.opportunity_id,
       case when d.currency = $currency then 1.0 else w.rate end as rate,
       case when d.currency = $currency or w.rate is not null then null
            else d.currency || ' on ' || strftime(d.day, '%Y-%m-%d') end as lacks
from days d
asof left join worths w on w.currency = d.currency and d.day >= w.from_on
