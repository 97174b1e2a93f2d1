"""The typed configuration (`model`), its sealed file (`files`), its keys and passwords (`vault`)."""
