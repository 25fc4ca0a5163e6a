"""Scoring models through lm-eval: sub-tasks as lm-eval tasks, and running them."""
