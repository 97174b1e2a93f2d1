"""What the readings mean for the supply, and the rules that raise an alarm (pure)."""
