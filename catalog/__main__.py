"""`python -m catalog` is the `modeldex` command."""

from catalog.cli import main

if __name__ == "__main__":
    main()
