-- Who owned the opportunity at each step: the last one named up to and at that moment; before
-- the first change of owner the one that change names as the old owner; else the present one.
-- A change of owner belongs to the stage that was entered last before it.
with named as (
    select n, entered_at as happened_at, ordered_at, code, rep, null::integer as from_rep, amount,
           present, false as handed
    from {ordered}
    union all
    select n, changed_at, changed_at, null, to_rep, from_rep, null, false, true from hands
),
-- Of several owners named in one moment the one who was given it holds, else that of the last stage.
together as (
    select n, happened_at, arg_max(rep, (handed, code, rep)) as last_rep
    from named
    where rep is not null
    group by all
    having count(distinct rep) > 1
)
select r.n, r.happened_at, r.ordered_at, r.amount, r.present, r.handed,
       last_value(r.code ignore nulls) over in_order as code,
       coalesce(
           r.rep,
           last_value(coalesce(t.last_rep, r.rep) ignore nulls) over so_far,
           first_value(r.from_rep ignore nulls) over from_here,
           o.rep
       ) as owner
from named r
join known o using (n)
left join together t
    on t.n = r.n and t.happened_at is not distinct from r.happened_at and r.rep is not null
window in_order as (partition by r.n
                    order by r.ordered_at nulls last, r.present, r.handed, r.code
                    rows between unbounded preceding and current row),
       so_far as (partition by r.n order by r.happened_at
                  range between unbounded preceding and current row),
       from_here as (partition by r.n order by r.happened_at, r.handed, r.from_rep
                     rows between current row and unbounded following)
