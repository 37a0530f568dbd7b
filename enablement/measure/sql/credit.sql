-- Whose each passage is, as a share of 1 for each rep; under every rule the shares of a passage
-- add up to 1. By time: the calendar days that each had it in that stage, or (place 1000) in all
-- of them. Where no day passed, it is the owner's at the entry.
stays_held as (
    select opportunity_id, stage_order, rep_id,
           greatest(0, date_diff(
               'day',
               greatest(entered_at, coalesce($held_from, entered_at))::date,
               least(case when exit = 'open' then $until else left_at end, $held_until)::date
           )) as days
    from seen
    where $credit = 'share' and entered_at is not null and (exit = 'open' or left_at is not null)
),
held as (
    select opportunity_id, stage_order as place, rep_id, sum(days) as days
    from stays_held
    group by all
    union all
    select opportunity_id, 1000 as place, rep_id, sum(days) as days
    from stays_held
    group by all
),
shares as (
    select opportunity_id, place, rep_id,
           days / sum(days) over (partition by opportunity_id, place) as share
    from held
    where days > 0
),
-- The fiscal quarter of every day: joined by the day, which is faster than by from and to.
quarter_days as (
    select name, unnest(generate_series(starts_on, ends_on, interval 1 day))::date as day
    from quarters
)
select p.* exclude (rep_id), coalesce(h.share, 1.0) as share,
       case when h.opportunity_id is not null then h.rep_id
            when $credit = 'final' then s.final_rep
            when $credit = 'first' then s.entry_rep
            else p.rep_id end as rep_id,
       q.name as period  -- the fiscal quarter of the cohort
from passages p
left join states s on $credit in ('final', 'first') and s.opportunity_id = p.opportunity_id
left join shares h on h.opportunity_id = p.opportunity_id and h.place = p.place
left join quarter_days q on q.day = p.cohort_at::date
