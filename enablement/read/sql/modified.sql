-- The days of last change, as far as they are written year first, beside the days of the close.
with changed as (
    select try_cast(substr(trim(modified), 1, 10) as date) as modified_on, closed_on
    from days
),
edge as (select min(modified_on) as first, max(modified_on) as last from changed),
day as (
    select modified_on, count(*) as n from changed
    where modified_on is not null group by modified_on
)
select count(modified_on) as known, count(*) as rows,
       any_value(first) as first, any_value(last) as last,
       (select max(n) from day) as most_on_a_day,
       count(*) filter (closed_on < first) as closed_before
from changed cross join edge
