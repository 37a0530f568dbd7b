-- The one value of each column that has no other, as text.
select case when count(distinct columns('^c[0-9]+$')) = 1
            then any_value(columns('^c[0-9]+$')::varchar) end as 'only_\0'
from columns_by_place
