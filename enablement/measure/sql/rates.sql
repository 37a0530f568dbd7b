-- What one unit of a currency is worth in $currency, from which day on. Rates that are told the
-- other way round are turned; where both are told, the one that needs no turning counts.
worths as (
    select currency, from_on, rate from rates
    where coalesce(to_currency, $currency) = $currency
    union all
    select to_currency, from_on, 1 / rate from rates turned
    where currency = $currency and to_currency <> $currency and not exists (
        select 1 from rates told
        where told.currency = turned.to_currency and told.from_on = turned.from_on
          and coalesce(told.to_currency, $currency) = $currency
    )
),
