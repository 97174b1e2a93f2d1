"""The stores: the live file, the history, the operator database. Each has one writer."""
