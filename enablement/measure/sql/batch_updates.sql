-- Opportunities that were in several stages, all of them entered on one day.
batch_updates as (
    select opportunity_id
    from seen
    group by opportunity_id
    having min(stage_order) < max(stage_order) and count(entered_at) = count(*)
       and min(entered_at)::date = max(entered_at)::date
),
