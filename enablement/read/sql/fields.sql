-- A history that names one field per row becomes stage events, which carry the amount and the
-- close date of their moment, and changes of owner.
insert into owner_changes by name
select opportunity_id, changed_at, old as from_rep, coalesce(rep_id, new) as to_rep, file, row
from changes
where field = 'rep_id';

insert into stage_events by name
select opportunity_id, changed_at as entered_at,
       last_value(stage ignore nulls) over so_far as stage,
       coalesce(last_value(amount ignore nulls) over so_far) as amount,
       last_value(expected_close ignore nulls) over so_far as expected_close,
       'history' as origin, file, row
from changes
where field in ('stage', 'amount', 'expected_close')
window so_far as (partition by opportunity_id order by changed_at, field = 'stage', row
                  range between unbounded preceding and current row)
qualify last_value(stage ignore nulls) over so_far is not null;
