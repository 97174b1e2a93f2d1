"""Who may do what: users and throttle."""
