-- The stays that had begun at $until, as they looked then. An event without a date is known on the
-- day of the export, and not before.
select opportunity_id, visit, stage_order, rep_id, entered_at,
       case when left_at <= $until then left_at end as left_at,
       case when exit = 'open' then 'open'
            when left_at <= $until or (left_at is null and $until >= $export) then exit
            else 'open' end as exit
from stage_visits
where entered_at <= $until or (entered_at is null and $until >= $export)
