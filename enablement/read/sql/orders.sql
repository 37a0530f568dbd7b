-- Rows that are used though they cannot be so, or are hardly so: one row per rule and row.
-- A time at exactly midnight is a date, and a date is the same everywhere; other times are
-- turned into the day of the workspace, because the days of a CRM are local.
with opportunity as (
    select opportunity_id, outcome, rep_id, amount, probability, file, spot,
           expected_close::date as due_on,
           case when $zone = 'UTC' or created_at = date_trunc('day', created_at)
                then created_at::date
                else ((created_at at time zone 'UTC') at time zone $zone)::date end as created_on,
           case when $zone = 'UTC' or closed_at = date_trunc('day', closed_at) then closed_at::date
                else ((closed_at at time zone 'UTC') at time zone $zone)::date end as closed_on
    from placed_opportunities
),
event as (
    select * from placed_events where origin is distinct from 'derived'
),
day as (
    select created_on as seen_on, count(*) as many from opportunity group by created_on
    union all
    select closed_on, count(*) from opportunity where outcome <> 'open' group by closed_on
    union all
    select entered_at::date as entered_on, count(*) from event group by entered_on
),
-- Where most days lie; a day far beyond them would be taken for the day of the export.
so_far as (
    select seen_on, sum(many) over (order by seen_on range between unbounded preceding
                                                            and current row) as up_to,
           sum(many) over () as of_all
    from day where seen_on is not null and not $said
),
usual as (
    select min(seen_on) filter (up_to >= 0.01 * of_all) as early_on,
           min(seen_on) filter (up_to >= 0.99 * of_all) as late_on,
           late_on + greatest(60, (late_on - early_on) // 10)::int as far_on
    from so_far
),
-- Only entries that may be out of order: to find the local day of each would take long. It is no
-- more than $apart days from the day in UTC.
entry as (
    select e.opportunity_id, e.stage, e.file, e.spot, e.entered_at, o.created_on, o.closed_on, o.outcome,
           case when $zone = 'UTC' or e.entered_at = date_trunc('day', e.entered_at)
                then e.entered_at::date
                else ((e.entered_at at time zone 'UTC') at time zone $zone)::date end
               as entered_on
    from event e join opportunity o using (opportunity_id) cross join usual
    where e.entered_at < o.created_on + $apart::int
       or (o.outcome <> 'open' and e.entered_at >= o.closed_on + (1 - $apart::int))
       or e.entered_at >= $export::date + (1 - $apart::int)
       or e.entered_at >= usual.far_on + (1 - $apart::int)
),
rep as (select rep_id, left_on::date as left_on from present_reps where left_on is not null),
-- What each is said with is kept as it is, and put into words for the few that are shown.
found as (
    select 'opportunities' as "table", 1 as n, opportunity_id, file, spot, null::varchar as what,
           closed_on as day, created_on as other, null::double as number,
           null::timestamp as entered_at
    from opportunity where outcome <> 'open' and closed_on < created_on
    union all
    select 'stage_events', 2, opportunity_id, file, spot, stage, entered_on, created_on, null, entered_at
    from entry where entered_on < created_on
    union all
    -- The stage that the close itself is noted with is no entry after it.
    select 'stage_events', 3, opportunity_id, file, spot, stage, entered_on, closed_on, null, entered_at
    from entry
    where outcome <> 'open' and entered_on > closed_on
      and stage not in (select stage from closing_stages)
    union all
    select 'stage_events', 4, opportunity_id, file, spot, stage, entered_on, $export::date, null, entered_at
    from entry where entered_on > $export::date
    union all
    select 'opportunities', 5, opportunity_id, file, spot, null, created_on, $export::date, null, null
    from opportunity where created_on > $export::date
    union all
    select 'opportunities', 6, opportunity_id, file, spot, null, closed_on, $export::date, null, null
    from opportunity where outcome <> 'open' and closed_on > $export::date
    union all
    select 'opportunities', 7, opportunity_id, file, spot, null, null, null, amount, null
    from opportunity where amount < 0
    union all
    select 'opportunities', 8, opportunity_id, file, spot, null, null, null, probability, null
    from opportunity where probability > 100 or probability < 0
    union all
    select 'opportunities', 9, opportunity_id, file, spot, null, due_on, null, null, null
    from opportunity where outcome = 'open' and due_on < $export::date
    union all
    select 'opportunities', 10, opportunity_id, file, spot, rep_id, closed_on, left_on, null, null
    from opportunity join rep using (rep_id)
    where outcome <> 'open' and closed_on > left_on
    union all
    select 'opportunities', 11, opportunity_id, file, spot, rep_id, left_on, null, null, null
    from opportunity join rep using (rep_id)
    where outcome = 'open' and left_on < $export::date
    union all
    select 'opportunities', 12, opportunity_id, file, spot, 'created', created_on, late_on, null, null
    from opportunity cross join usual where not $said and created_on > far_on
    union all
    select 'opportunities', 12, opportunity_id, file, spot, 'closed', closed_on, late_on, null, null
    from opportunity cross join usual where not $said and outcome <> 'open' and closed_on > far_on
    union all
    select 'stage_events', 12, opportunity_id, file, spot, stage, entered_on, late_on, null, entered_at
    from entry cross join usual where not $said and entered_on > far_on
)
