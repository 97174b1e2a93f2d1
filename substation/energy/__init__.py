"""From energy registers to intervals, demand and balance (pure)."""
