"""What a user writes, and what follows from it without running anything."""
