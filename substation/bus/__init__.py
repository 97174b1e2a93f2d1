"""One RS-485 line, one round of all its meters, and how well each answers."""
