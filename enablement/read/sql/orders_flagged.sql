select distinct n, opportunity_id from found order by n, opportunity_id
