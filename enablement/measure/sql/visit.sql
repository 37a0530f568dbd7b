-- One row per stay; a stay that goes on, was handed over or was cancelled has not failed.
beginnings as (
    select opportunity_id, min(entered_at) as first_entered_at
    from seen
    where $cohort = 'begun'
    group by opportunity_id
),
passages as (
    select v.opportunity_id, p.stage, p.place, v.rep_id,
           $stays = 'all' or v.exit not in ('open', 'handed off', 'cancelled') as counts,
           case when $cohort = 'begun' then coalesce(o.created_at, b.first_entered_at)
                else v.entered_at end as cohort_at,
           v.exit = 'won' as won,
           case when v.exit in ('advanced', 'won') then 'moved on' else v.exit end as became
    from seen v
    join used o using (opportunity_id)
    join places p on ($one_pipeline or p.pipeline = o.pipeline) and p.outcome is null
        and p.place = v.stage_order
    left join beginnings b using (opportunity_id)
    where $first is null or cohort_at between $first and $last
),
