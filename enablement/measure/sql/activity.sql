-- The activities of a period that can be seen. What is planned for later stands in the export of
-- today and in no earlier one.
done as (
    select a.rep_id, a.opportunity_id, a.type as activity_type, a.at <= $until as happened,
           case when a.status in ('held', 'no-show', 'planned') then a.status end as status
    from activities a
    where a.at between $first and $last
      and (a.at <= $until or (a.status = 'planned' and $until >= $export))
),
judged as (
    select *, happened and case $status when 'held' then status = 'held'
                                        when 'booked' then status in ('held', 'no-show')
                                        else true end is true as counts
    from done
    where happened or status = 'planned'
)
