-- Who owned the opportunity at each step: the last one named up to and at that moment; before
-- the first change of owner the one that change names as the old owner; else the present one.
select r.* exclude (rep, from_rep),
       coalesce(
           r.rep,
           last_value(r.rep ignore nulls) over so_far,
           first_value(r.from_rep ignore nulls) over from_here,
           o.rep
       ) as owner
from (
    select n, entered_at as happened_at, ordered_at, code, rep, null::integer as from_rep, amount,
           present
    from steps
    union all
    select n, changed_at, changed_at, null, to_rep, from_rep, null, false from hands
) r
join owned_now o using (n)
window so_far as (partition by r.n order by r.happened_at
                  range between unbounded preceding and current row),
       from_here as (partition by r.n order by r.happened_at
                     rows between current row and unbounded following)
