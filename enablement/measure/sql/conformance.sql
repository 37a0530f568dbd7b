-- One row per opportunity that could have left the process in some way, and whether it did: at the
-- stage where it happened, or (place 1000) anywhere. `times` counts how often.
depths as (
    select *, case when outcome = 'won' then 1000 else deepest end as depth
    from states
    where $first is null or began_at between $first and $last
),
last_places as (
    select pipeline, max(place) as last_place from places where outcome is null group by pipeline
),
-- A stage that was never entered was skipped by whoever made the next real entry.
skipped as (
    select d.opportunity_id, p.place,
           coalesce(
               arg_min(e.rep_id, (e.stage_order <> p.place, e.visit)),
               any_value(d.final_rep)
           ) as rep_id,
           bool_or(e.stage_order = p.place) is not true as deviates, deviates::int as times
    from depths d
    join last_places l using (pipeline)
    join places p on p.pipeline = d.pipeline and p.outcome is null
        and p.place < l.last_place and p.place < d.depth
    left join entries e on e.opportunity_id = d.opportunity_id and e.stage_order >= p.place
    left join (select opportunity_id, arg_min(stage_order, visit) as begins_at
               from seen group by opportunity_id) b on b.opportunity_id = d.opportunity_id
    where $late_start = 'skips' or p.place >= b.begins_at
    group by d.opportunity_id, p.place
),
went_back as (
    select d.opportunity_id, v.stage_order as place, arg_min(v.rep_id, v.visit) as rep_id,
           count(*) filter (v.exit = 'back') as times, times > 0 as deviates
    from depths d
    join seen v using (opportunity_id)
    where v.stage_order > 1
    group by all
),
-- A hand-over enters no stage.
entered_on as (
    select opportunity_id, visit, stage_order as place, rep_id, entered_at::date as day
    from (select *, lag(exit) over (partition by opportunity_id order by visit) as exit_before
          from seen)
    where exit_before is distinct from 'handed off' and entered_at is not null
),
-- How many stages were entered on a day, and how many at all.
day_counts as (
    select opportunity_id, day, count(distinct place) as in_the_day
    from entered_on
    group by opportunity_id, day
),
all_counts as (
    select opportunity_id, count(distinct place) as in_all from entered_on group by opportunity_id
),
several as (
    select d.opportunity_id, n.place, arg_min(n.rep_id, n.visit) as rep_id,
           bool_or(c.in_the_day >= $in_a_day) as deviates,
           count(distinct n.day) filter (c.in_the_day >= $in_a_day) as times
    from depths d
    join all_counts a using (opportunity_id)
    join entered_on n using (opportunity_id)
    join day_counts c on c.opportunity_id = n.opportunity_id and c.day = n.day
    where a.in_all >= $in_a_day
    group by d.opportunity_id, n.place
),
-- One day in two stages is one day.
busy_days as (
    select opportunity_id, count(*) as days
    from day_counts
    where in_the_day >= $in_a_day
    group by opportunity_id
),
due_dates as (
    select opportunity_id, expected_close
    from opportunities
    where $due_dates = 'now'
    union all
    select opportunity_id, arg_max(expected_close, (entered_at, place, expected_close))
    from stage_events
    where $due_dates = 'then' and entered_at <= $until and expected_close is not null
    group by opportunity_id
),
overdue as (
    select d.opportunity_id, d.present as place, d.final_rep as rep_id,
           c.expected_close::date < $until::date as deviates, deviates::int as times
    from depths d
    join due_dates c using (opportunity_id)
    where d.outcome = 'open' and c.expected_close is not null
),
ended_early as (
    select d.opportunity_id, l.last_place as place, d.final_rep as rep_id,
           e.opportunity_id is null as deviates, deviates::int as times
    from depths d
    join last_places l using (pipeline)
    left join entries e on e.opportunity_id = d.opportunity_id and e.stage_order = l.last_place
    where d.outcome = 'won'
),
ways as (
    select 'skipped a stage' as deviation, opportunity_id, place, rep_id, deviates, times from skipped
    union all
    select 'went back', opportunity_id, place, rep_id, deviates, times from went_back
    union all
    select 'several stages in a day', opportunity_id, place, rep_id, deviates, times from several
    union all
    select 'overdue', opportunity_id, place, rep_id, deviates, times from overdue
    union all
    select 'won without the last stage', opportunity_id, place, rep_id, deviates, times
    from ended_early
),
passages as (
    select w.opportunity_id, p.stage, w.place, w.rep_id, true as counts, d.began_at as cohort_at,
           w.deviation, w.deviates, w.times
    from ways w
    join depths d using (opportunity_id)
    join places p on p.pipeline = d.pipeline and p.outcome is null and p.place = w.place
    where $per_stage
    union all
    select w.opportunity_id, null as stage, 1000 as place,
           case when w.deviation in ('overdue', 'won without the last stage')
                then any_value(d.final_rep) else any_value(d.entry_rep) end as rep_id,
           true as counts, any_value(d.began_at) as cohort_at, w.deviation,
           bool_or(w.deviates) as deviates,
           case when w.deviation = 'several stages in a day'
                then coalesce(max(b.days), 0) else sum(w.times) end as times
    from ways w
    join depths d using (opportunity_id)
    left join busy_days b using (opportunity_id)
    where not $per_stage
    group by w.opportunity_id, w.deviation
),
