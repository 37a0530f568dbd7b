, counted as (
    select n, "table", count(*) as rows, count(distinct opportunity_id) as opportunities,
           min({'file': file, 'spot': spot, 'opportunity_id': opportunity_id, 'what': what,
                'day': day, 'other': other, 'number': number, 'entered_at': entered_at}, 3) as first_ones
    from found
    group by all
),
shown as (
    select n, "table", rows, opportunities, unnest(first_ones, recursive := true) from counted
)
select n, "table", rows, opportunities, opportunity_id, file, spot, what as stage, entered_at,
       case n when 1 then format('closed {}, created {}', day, other)
              when 2 then format('{} {}, created {}', what, day, other)
              when 3 then format('{} {}, closed {}', what, day, other)
              when 4 then format('{} {}, export of {}', what, day, other)
              when 5 then format('created {}, export of {}', day, other)
              when 6 then format('closed {}, export of {}', day, other)
              when 7 then format('amount {}', number)
              when 8 then format('probability {}', number)
              when 9 then format('due {}', day)
              when 10 then format('rep {} left {}, closed {}', what, other, day)
              when 11 then format('rep {} left {}', what, day)
              else format('{} {}, 99 % of all days by {}', what, day, other) end as example
from shown
order by n, "table", file, spot, opportunity_id
