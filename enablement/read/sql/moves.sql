-- One row per change of stage or rep, and per outcome, in the order of events.
-- `exit` says how the stay that begins with the row ended, seen from the end of the export;
-- `handed` that the row is a change of owner alone, `tied` that only the order of the stages puts
-- it after the one before.
with owned as ({owned}),
placed as (
    select e.*, e.code in ({ends}) as ends, lag(e.code) over in_order as code_before,
           lag(e.owner) over in_order as owner_before
    from owned e
    -- Ties within a moment stand in the order of the stages; a change of owner belongs to the
    -- stage entered at the same moment; the present stage comes last. Of rows that say the same
    -- the one that knows more counts.
    window in_order as (partition by n
                        order by ordered_at nulls last, present, handed, code, owner,
                                 happened_at, amount)
),
changed as (
    select * from placed
    where code is distinct from code_before or (not ends and owner is distinct from owner_before)
),
followed as (
    select n, code, owner, happened_at, amount, present, handed,
           lag(happened_at) over in_order as before_at,
           lead(happened_at) over in_order as next_at,
           lead(code) over in_order as next_code,
           row_number() over in_order as k,
           count(case when not ends then 1 end) over so_far as visit
    from changed
    window in_order as (partition by n
                        order by ordered_at nulls last, present, handed, code, owner),
           so_far as (partition by n
                      order by ordered_at nulls last, present, handed, code, owner
                      rows between unbounded preceding and current row)
)
select f.n, f.k::integer as k, f.code, s.place, f.owner, f.happened_at, s.outcome, f.amount,
       f.handed,
       not f.present and not f.handed and f.happened_at is not distinct from f.before_at
           and f.happened_at is not null as tied,
       f.next_at,
       f.visit::integer as visit,
       (f.k - f.visit)::integer as closing,
       case
           when f.next_code is null then 'open'
           when there.outcome is not null then there.outcome
           when there.place = s.place then 'handed off'
           when there.place > s.place then 'advanced'
           else 'back'
       end as exit
from followed f
join spots s using (code)
left join spots there on there.code = f.next_code
