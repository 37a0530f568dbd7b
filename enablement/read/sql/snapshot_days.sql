-- What happened from each snapshot to the next, counted.
with sizes as (
    select cast(cast(taken as date) as timestamp) as taken, count(*) as opportunities
    from snapshots
    where taken is not null and opportunity_id is not null and stage is not null
    group by all
),
told as (
    select taken,
           cast(count_if(appeared) as bigint) as appeared,
           cast(count_if(came_back) as bigint) as came_back,
           cast(count_if(moved) as bigint) as moved,
           cast(count_if(amount_moved) as bigint) as amount_moved,
           cast(count_if(close_moved) as bigint) as close_moved,
           cast(count_if(handed) as bigint) as handed
    from changes
    group by taken
),
gone as (
    select day_after as taken, count(*) as missing from changes where missing group by all
)
select taken, opportunities,
       coalesce(appeared, 0) as appeared, coalesce(missing, 0) as missing,
       coalesce(came_back, 0) as came_back, coalesce(moved, 0) as moved,
       coalesce(amount_moved, 0) as amount_moved, coalesce(close_moved, 0) as close_moved,
       coalesce(handed, 0) as handed
from sizes
left join told using (taken)
left join gone using (taken)
order by taken
