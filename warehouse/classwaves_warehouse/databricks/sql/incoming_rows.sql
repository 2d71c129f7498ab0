SELECT $values
  FROM inline(from_json(:rows, 'ARRAY<STRUCT<$fields>>', map('mode', 'FAILFAST')))
