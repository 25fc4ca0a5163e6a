"""`python -m anytasktune_bench`, which launchers such as `accelerate launch -m` need."""

from anytasktune_bench.cli import main

if __name__ == "__main__":
    main()
