-- What was in the pipeline at $until_opening, what is in it at $until, and by which way each came
-- in and went out. What came and went in between did both, so that all that was won is won. An
-- amount that is not known any more is what it was. Whoever owns it at the end has all of it.
both_ends as (
    select c.opportunity_id, c.rep_id, c.outcome,
           coalesce(a.outcome = 'open'
               and ($first is null or a.expected_close between $first and $last), false) as was_in,
           c.outcome = 'open'
               and coalesce($first is null or c.expected_close between $first and $last, false)
               as is_in,
           c.outcome <> 'open'
               and coalesce(c.closed_at > $until_opening
                   and ($first is null or c.closed_at between $first and $last), false)
               as ended_within,
           a.opportunity_id is null or coalesce(c.began_at > $until_opening, false) as is_new,
           coalesce(a.outcome, 'open') <> 'open' as was_closed,
           a.amount * x.rate as amount_before,
           coalesce(c.amount, a.amount) * x.rate as amount_after,
           case when coalesce(c.amount, a.amount) is not null then x.lacks end as lacks
    from closing c
    left join opening a using (opportunity_id)
    join exchanged x using (opportunity_id)
),
parts as (
    select *, 'opening' as part, coalesce(amount_before, 0) as amount,
           amount_before is null as unknown
    from both_ends where was_in
    union all
    select *, case when is_new then 'created' when was_closed then 'reopened' else 'moved in' end,
           coalesce(amount_after, 0), amount_after is null
    from both_ends where not was_in and (is_in or ended_within)
    union all
    select *, 'amount changed', coalesce(amount_after, 0) - coalesce(amount_before, 0), false
    from both_ends where was_in and amount_after is distinct from amount_before
    union all
    select *, case outcome when 'open' then 'moved out' else outcome end,
           -coalesce(amount_after, 0), amount_after is null
    from both_ends where not is_in and (was_in or ended_within)
    union all
    select *, 'closing', coalesce(amount_after, 0), amount_after is null
    from both_ends where is_in
),
