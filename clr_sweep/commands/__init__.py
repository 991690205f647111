"""What each command does, a module of its name; `clr_sweep.cli` does the parsing."""
