"""A site that obeys physics, answering Modbus RTU on a pseudo-terminal with real wire time."""
