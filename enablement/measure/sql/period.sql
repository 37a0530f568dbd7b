-- One row per opportunity and stage that it was in at some moment of the period; it moved on if a
-- stay ended so within the period. The owner is that of the first of those stays.
passages as (
    select v.opportunity_id, p.stage, p.place, arg_min(v.rep_id, v.visit) as rep_id,
           true as counts, null::timestamp as cohort_at,
           bool_or(v.exit = 'won' and v.left_at <= $last) as won,
           case when bool_or(v.exit in ('advanced', 'won') and v.left_at <= $last) then 'moved on'
                else arg_max(case when v.left_at <= $last then v.exit else 'open' end, v.visit)
           end as became
    from seen v
    join states s using (opportunity_id)
    join places p on ($one_pipeline or p.pipeline = s.pipeline) and p.outcome is null
        and p.place = v.stage_order
    where (v.entered_at is null or v.entered_at <= $last)
      and (v.left_at is null or v.left_at > $first)
    group by v.opportunity_id, p.stage, p.place
),
