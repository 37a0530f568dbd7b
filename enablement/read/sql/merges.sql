-- What the rows of opportunities say of mergers: which ids went into them, and into which they went.
insert into merges by name
with told as (
    select unnest(regexp_split_to_array(merged_ids, '[;,|\s]+')) as opportunity_id,
           opportunity_id as into_id, file, row
    from opportunities
    where merged_ids is not null
    union all
    select opportunity_id, merged_into, file, row
    from opportunities
    where merged_into is not null
)
select * from told
where opportunity_id <> '' and opportunity_id <> into_id
