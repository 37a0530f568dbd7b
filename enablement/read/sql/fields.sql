-- A history that names one field per row becomes stage events, which carry the amount and the
-- close date of their moment, and changes of owner.
insert into owner_changes by name
select opportunity_id, changed_at, old as from_rep, coalesce(rep_id, new) as to_rep, file, row
from changes
where field = 'rep_id';

-- Such a history begins with the first change: where it was before, it was since it was created.
insert into stage_events by name
select f.opportunity_id, o.created_at as entered_at, f.old as stage, 'history' as origin,
       f.file, f.row
from (select * from changes where field = 'stage'
      qualify row_number() over (partition by opportunity_id order by changed_at, file, row) = 1) f
join (select opportunity_id as known_as, min(created_at) as created_at from opportunities
      group by opportunity_id
      union all select name, min(created_at) from opportunities
      where name not in (select opportunity_id from opportunities where opportunity_id is not null)
      group by name having count(*) = 1) o on o.known_as = f.opportunity_id
where f.old is not null and o.created_at <= f.changed_at;

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
