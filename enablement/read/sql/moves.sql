-- One row per change of stage or rep, and per outcome, in the order of events.
-- `exit` says how the stay that begins with the row ended, seen from the end of the export;
-- `handed` that the row is a change of owner alone, `tied` that only the order of the stages puts
-- it after the one before.
with filled as (
    select n, happened_at, owner, amount, present, code is null as handed,
           coalesce(code, last_value(code ignore nulls) over in_order) as code,
           row_number() over in_order as k
    from owned
    -- Ties within a moment stand in the order of the stages; a change of owner belongs to the
    -- stage entered at the same moment; the present stage comes last.
    window in_order as (partition by n
                        order by ordered_at nulls last, present, code is null, code, owner
                        rows between unbounded preceding and current row)
),
known as (
    select f.*, s.place, s.outcome
    from filled f
    join spots s using (code)
),
changed as (
    select * from known
    window by_k as (partition by n order by k)
    qualify code is distinct from lag(code) over by_k
        or (outcome is null and owner is distinct from lag(owner) over by_k)
)
select n, k, code, place, owner, happened_at, outcome, amount, handed,
       not present and not handed and happened_at is not distinct from lag(happened_at) over ahead
           and happened_at is not null as tied,
       lead(happened_at) over ahead as next_at,
       count(*) filter (outcome is null) over so_far as visit,
       count(*) filter (outcome is not null) over so_far as closing,
       case
           when lead(code) over ahead is null then 'open'
           when lead(outcome) over ahead is not null then lead(outcome) over ahead
           when lead(place) over ahead = place then 'handed off'
           when lead(place) over ahead > place then 'advanced'
           else 'back'
       end as exit
from changed
window ahead as (partition by n order by k),
       so_far as (partition by n order by k
                  rows between unbounded preceding and current row)
