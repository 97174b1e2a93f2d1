"""The command lines behind the doors, and the demo."""
