"""What a study is: space, search, trials, record. Only here and in cluster/ is Ray imported."""
