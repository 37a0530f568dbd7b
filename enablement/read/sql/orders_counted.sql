, counted as (
    select n, "table", count(*) as rows, count(distinct opportunity_id) as opportunities
    from found
    group by all
),
first_ones as (
    select n, "table", opportunity_id, file, spot, example,
           row_number() over (partition by n, "table"
                              order by file, spot, opportunity_id, example) as k
    from found
)
select n, "table", rows, opportunities, opportunity_id, file, spot, example
from counted join first_ones using (n, "table")
where k <= 3
order by n, "table", k
