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
