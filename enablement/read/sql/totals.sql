-- What the headline numbers divide, over the opportunities that are used.
with opportunity as (
    select opportunity_id, outcome, amount, currency
    from opportunities
    where $renewals = 'counted' or type is distinct from 'renewal'
),
base as (
    select count(*) filter (outcome = 'won') as won,
           count(*) filter (outcome = 'lost') as lost,
           count(*) filter (outcome in ('won', 'lost', 'open')) as created,
           coalesce(sum(amount) filter (outcome = 'won'), 0) as won_value,
           coalesce(sum(amount) filter (outcome = 'lost'), 0) as lost_value,
           count(*) filter (outcome = 'won' and amount > 0) as won_valued,
           count(*) filter (outcome = 'lost' and amount > 0) as lost_valued
    from opportunity
),
