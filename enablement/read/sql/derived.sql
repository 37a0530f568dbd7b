-- The present stage of an opportunity where nothing that is dated leads up to it.
with last_known as (
    select n,
           {last} as code,
           max(entered_at) as entered_at
    from steps
    group by n
)
select o.n,
       case
           -- Without a date of its own the change is known, and its day is not.
           when s.outcome is not null and o.closed_at is not null
               then greatest(o.closed_at, last_known.entered_at)
           when s.outcome is null and o.last_stage_change is not null
               then greatest(o.last_stage_change, last_known.entered_at)
           -- An opportunity that was never seen elsewhere began where it is.
           when s.place = 1 and last_known.code is null then o.created_at
       end as entered_at,
       s.code
from opportunities o
join spots s on s.pipeline = o.pipeline and s.stage = o.stage
left join last_known using (n)
where last_known.code is distinct from s.code
