"""The command line: one file for each group of commands, their tables and their progress."""
