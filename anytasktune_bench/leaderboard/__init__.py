"""From result records to statistics, a typed table, and a static site."""
