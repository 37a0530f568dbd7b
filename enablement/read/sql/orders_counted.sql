select n, "table", count(*) as rows, count(distinct opportunity_id) as opportunities,
       coalesce(string_agg(example, '; ' order by k) filter (k <= 3), '') as examples
from first_ones
group by all
order by n
