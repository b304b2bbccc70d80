"""Labels that are likely wrong: how many they are, and which."""
