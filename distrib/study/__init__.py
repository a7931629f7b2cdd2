"""What a study is: its space, its search, its trials and its record. Only here and in cluster/ is Ray imported."""
