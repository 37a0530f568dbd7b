-- One row per stay of an opportunity in a stage, whoever had it: a hand-over does not end it. The
-- owner is that of its entry. Where all stages were entered on one day, the days say when somebody
-- wrote them down, and not how long they took.
handed_over as (
    select distinct opportunity_id from seen where exit = 'handed off'
),
begun as (
    select *, exit_before is distinct from 'handed off' as begins
    from (select s.*, lag(s.exit) over (partition by opportunity_id order by s.visit) as exit_before
          from seen s join handed_over using (opportunity_id))
),
numbered as (
    select *, count(*) filter (begins) over (partition by opportunity_id order by visit) as stay
    from begun
),
stays as (
    select opportunity_id, stay, stage_order as place, arg_min(rep_id, visit) as rep_id,
           arg_min_null(entered_at, visit) as entered_at, arg_max_null(left_at, visit) as left_at,
           arg_max(exit, visit) as exit
    from numbered
    group by opportunity_id, stay, stage_order
    union all  -- of the others each visit is a stay
    select opportunity_id, visit, stage_order, rep_id, entered_at, left_at, exit
    from seen s
    where not exists (select 1 from handed_over h where h.opportunity_id = s.opportunity_id)
),
passages as (
    select t.opportunity_id, p.stage, p.place, t.rep_id, t.entered_at as cohort_at,
           t.entered_at is not null and (t.exit = 'open' or t.left_at is not null) as counts,
           t.exit <> 'open' as event,
           greatest(0, date_diff('day', t.entered_at::date,
                                 coalesce(t.left_at, $until)::date)) as days,
           coalesce(b.batch_updated, false) as batch_updated
    from stays t
    join used o using (opportunity_id)
    join places p on ($one_pipeline or p.pipeline = o.pipeline) and p.outcome is null
        and p.place = t.place
    left join clicked_through b using (opportunity_id)
    where $first is null or t.entered_at between $first and $last
),
