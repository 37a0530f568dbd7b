-- The one value of each column that has no other, as text; to count different values would take a
-- table in memory for each column.
select case when min(columns('^c[0-9]+$')) = max(columns('^c[0-9]+$'))
            then any_value(columns('^c[0-9]+$')::varchar) end as 'only_\0'
from columns_by_place
