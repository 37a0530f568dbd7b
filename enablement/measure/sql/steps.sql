-- One row per opportunity and stage that was the deepest so far when it was really entered: the
-- calendar days from there until it went further, and to which place, or ended. A won one went to
-- place 1000, a lost or cancelled one to 0; those that did neither are followed until $until.
-- Going back and coming again is within the stay. Only those still there on or after $first.
deeper as (
    select * from (
        select *, max(stage_order) over (
            partition by opportunity_id order by visit
            rows between unbounded preceding and 1 preceding
        ) as before
        from entries
    )
    where before is null or stage_order > before
),
ahead as (
    select *, lead(stage_order) over ways as next_place, lead(entered_at) over ways as next_at
    from deeper
    window ways as (partition by opportunity_id order by visit)
),
passages as (
    select a.opportunity_id, null::varchar as stage, a.stage_order as place, a.rep_id,
           a.before is null as is_first, a.entered_at as cohort_at,
           case when a.next_place is not null then a.next_place
                when e.ending = 1 then 1000
                when e.ending > 0 then 0 end as aim,
           case when a.next_place is not null then a.next_at else e.ending_at end as left_at,
           a.entered_at is not null and left_at is not null as counts,
           greatest(0, date_diff('day', a.entered_at::date, left_at::date)) as days,
           greatest(0, date_diff('day', a.entered_at::date, $from_day::date)) as since
    from ahead a
    join endings e using (opportunity_id)
    where left_at is null or left_at >= $from_day or aim is null
),
