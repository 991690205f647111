"""What every part needs and none owns: errors, secrets, locks on files, words for people."""
