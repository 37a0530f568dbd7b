-- How many rows of each group have a value, column by column: c0 to cn are the columns, and the
-- groups are outcomes, and within outcomes types, years of creation and reps.
select case when grouping(type) = 0 then 'type'
            when grouping(year) = 0 then 'year'
            when grouping(rep_id) = 0 then 'rep'
            else 'outcome' end as dimension,
       outcome, coalesce(type, year, rep_id) as member, count(*) as rows,
       count(columns('^c[0-9]+$')) as 'filled_\0'
from columns_by_place
group by grouping sets ((outcome), (outcome, type), (outcome, year), (outcome, rep_id))
order by all
