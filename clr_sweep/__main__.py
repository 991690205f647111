"""`python -m clr_sweep`: the command line, wherever the script is not on PATH."""

from clr_sweep.cli import main

if __name__ == "__main__":
    main()
