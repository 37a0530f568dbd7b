-- Whose each passage is by the rule: who owned it last, first, or each for a share.
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
