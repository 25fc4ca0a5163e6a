"""The datasets: drawing scenarios, joining written rows, checks, building, loading."""
